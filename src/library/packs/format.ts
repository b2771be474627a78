/**
 * @file What a `.lorapack` is: a zip whose members are all stored, all listed with their sha256, and all of these few names.
 * docs/library.md tells it to users.
 */
import { z } from 'zod';

export const packEnding = '.lorapack';
export const packFormat = 'lora-studio pack 1';

export const packNames = {
  checksums: 'checksums.json',
  card: 'card.json',
  licence: 'LICENSE.txt',
  recipe: 'recipe.toml',
  lora: /^lora\/([^/]+)\.safetensors$/,
  preview: /^previews\/\d{2}\.png$/,
} as const;

export const loraName = (stem: string): string => `lora/${stem}.safetensors`;
export const previewName = (index: number): string => `previews/${String(index).padStart(2, '0')}.png`;

export interface PackLimits {
  readonly entries: number;
  /** All that is unpacked, in bytes. */
  readonly total: number;
  /** A picture, a text. */
  readonly picture: number;
  readonly text: number;
  /** Unpacked to packed, of a member of more than a megabyte. */
  readonly ratio: number;
  readonly previews: number;
}

export const usualLimits: PackLimits = {
  entries: 256,
  total: 16 * 2 ** 30,
  picture: 32 * 2 ** 20,
  text: 4 * 2 ** 20,
  ratio: 100,
  previews: 16,
};

const text = z.string().max(100_000);
const name = z.string().max(500);
const hex = z.string().regex(/^[\da-f]{8,64}$/);

const triggerSet = z.object({
  name: z.string().min(1).max(200),
  words: z.string().max(10_000),
  strength: z.number().optional(),
  negative: z.string().max(10_000).optional(),
});

export const packCardSchema = z.object({
  format: z.literal(packFormat),
  name: z.string().min(1).max(500),
  family: name,
  kind: name,
  rank: z.number().positive().optional(),
  alpha: z.number().optional(),
  triggers: z.array(triggerSet).max(100),
  tags: z.array(name).max(1000),
  description: text,
  notes: text.optional(),
  strength: z.number().optional(),
  license: name.optional(),
  author: name.optional(),
  /** The checkpoint that it was trained on. */
  base: z.object({ name: name.optional(), sha256: hex.optional(), autoV1: hex.optional() }).optional(),
  hashes: z.object({ sha256: hex, autoV3: hex }),
  madeBy: name,
});

/** What a pack says of its LoRA. */
export type PackCard = z.infer<typeof packCardSchema>;

export const checksumsSchema = z.object({
  format: z.literal(packFormat),
  files: z.record(
    z.string(),
    z.object({ sha256: z.string().regex(/^[\da-f]{64}$/), bytes: z.int().nonnegative() }),
  ),
});
export type Checksums = z.infer<typeof checksumsSchema>;
