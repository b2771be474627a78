/** @file `run.json`: what a run was made of and what came of it. Names in it are relative, and nothing in it is private. */
import { createHash } from 'node:crypto';
import { basename, relative, sep } from 'node:path';
import { z } from 'zod';
import type { DatasetScan } from '../../dataset/index.ts';
import { withoutPaths } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { version } from '../../version.ts';

const statuses = ['running', 'finished', 'stopped early', 'interrupted', 'failed'] as const;
export type RunStatus = (typeof statuses)[number];

const seconds = z.number().nonnegative();
const step = z.number().int().nonnegative();

/** What came of a run; more facts may stand beside these. */
const resultSchema = z.looseObject({
  steps: step,
  /** Mean loss of the last 20 steps. */
  loss: z.number().nullish(),
  bestStep: step.nullish(),
  bestValidation: z.number().nullish(),
  /** File names beside the run's folder, and the hash of the first. */
  file: z.string().nullish(),
  hash: z.string().nullish(),
  bestFile: z.string().nullish(),
  message: z.string().nullish(),
});
export type RunResult = z.infer<typeof resultSchema>;

const pictureSchema = z.object({
  name: z.string(),
  sha256: z.string(),
  /** sha256 of its caption. */
  caption: z.string(),
  repeats: z.number(),
});

const manifestSchema = z.looseObject({
  format: z.literal('lora-studio run 1'),
  name: z.string(),
  status: z.enum(statuses),
  startedAt: seconds,
  finishedAt: seconds.nullable(),
  resumed: z.array(z.object({ step, at: seconds })),
  code: z.looseObject({ name: z.string(), version: z.string() }),
  device: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  data: z.looseObject({ folder: z.string(), pictures: z.array(pictureSchema) }),
  base: z.looseObject({ name: z.string(), family: z.string(), hashes: z.record(z.string(), z.string()) }),
  result: resultSchema.nullable(),
});

export type RunManifest = z.infer<typeof manifestSchema>;
/** What is known at the start; the journal adds the rest. */
export type GivenManifest = Pick<RunManifest, 'code' | 'device' | 'recipe' | 'data' | 'base'>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface ManifestInput {
  readonly scan: DatasetScan;
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly checkpoint: Pick<Checkpoint, 'name' | 'family'>;
  /** As `kernelsOf` tells it, or a plain name. */
  readonly device: string;
  /** Hash of recipe, data and base, which a run resumes by. */
  readonly fingerprint: string;
}

/** Hashes of the base's files are added when the run ends, because reading gigabytes would hold up its start. */
export function manifestOf({ scan, recipe, checkpoint, device, fingerprint }: ManifestInput): GivenManifest {
  const pictures = scan.pictures.map(({ path, hash, caption, repeats }) => ({
    name: relative(scan.folder, path).split(sep).join('/'),
    sha256: hash,
    caption: sha256(caption),
    repeats,
  }));
  return {
    code: { name: 'lora-studio', version, node: process.version },
    device,
    recipe: { ...recipe },
    data: { folder: basename(scan.folder), pictures },
    base: { name: checkpoint.name, family: checkpoint.family, hashes: {}, fingerprint },
  };
}

/** Every absolute path in it becomes the last part of that path. */
export function withoutPrivate<T>(value: T): T {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return withoutPaths(part) ?? '';
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, clean(inner)]));
  };
  return clean(value) as T;
}

export const manifestText = (manifest: RunManifest): string =>
  `${JSON.stringify(withoutPrivate(manifest), null, 2)}\n`;

/** Undefined for what is not the manifest of a run. */
export function parseManifest(text: string): RunManifest | undefined {
  try {
    return manifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
