/** @file Cards of the library as the API tells them. */
import { z } from 'zod';
import { counted, flag, pageQuery, time } from './common.ts';

export const cardId = z.string().regex(/^[a-z0-9]{4,64}$/);
const use = z.enum(['lora', 'checkpoint', 'embedding', 'vae']);
const cardState = z.enum(['present', 'missing', 'broken']);

export const triggerSet = z.strictObject({
  name: z.string().max(80),
  words: z.string().max(4000),
  strength: z.number().min(-10).max(10).optional(),
  negative: z.string().max(4000).optional(),
});

export const card = z.object({
  id: cardId,
  use,
  name: z.string(),
  fileName: z.string(),
  /** Id of the library's folder, never its path. */
  folder: z.string(),
  place: z.string(),
  bytes: z.number().int(),
  modifiedAt: time,
  addedAt: time,
  state: cardState,
  fault: z.object({ code: z.string(), message: z.string() }).optional(),
  family: z.string(),
  claimedFamily: z.string().optional(),
  kind: z.string(),
  rank: z.number().optional(),
  alpha: z.number().optional(),
  triggers: z.array(triggerSet),
  triggerOrigin: z.enum(['user', 'side-file', 'metadata', 'captions']).optional(),
  tags: z.array(z.string()),
  notes: z.string(),
  description: z.string(),
  favourite: z.boolean(),
  rating: z.number().int(),
  strength: z.number().optional(),
  license: z.string().optional(),
  author: z.string().optional(),
  /** Where its picture is served; absent where it has none. */
  previewUrl: z.string().optional(),
  series: z.string().optional(),
  seriesStep: z.number().optional(),
});

export const wholeCard = card.extend({
  hashes: z.object({
    autoV1: z.string().optional(),
    autoV2: z.string().optional(),
    sha256: z.string().optional(),
    autoV3: z.string().optional(),
    body: z.string().optional(),
  }),
  training: z.object({
    base: z.string().optional(),
    pictures: z.number().optional(),
    steps: z.number().optional(),
    epoch: z.number().optional(),
    epochs: z.number().optional(),
    resolution: z.string().optional(),
    rate: z.string().optional(),
    optimizer: z.string().optional(),
    trainedAt: z.number().optional(),
    tool: z.string().optional(),
  }),
  tagFrequency: z.array(z.object({ tag: z.string(), count: z.number() })),
  metadata: z.record(z.string(), z.string()),
  sideFiles: z.array(z.object({ name: z.string(), dialect: z.string() })),
  versions: z.array(
    z.object({ id: cardId, name: z.string(), step: z.number().optional(), state: cardState }),
  ),
  copies: z.array(z.object({ folder: z.string(), place: z.string(), fileName: z.string() })),
  findings: z.array(z.object({ level: z.enum(['warning', 'note']), code: z.string(), text: z.string() })),
});

export const cardPage = z.object({ total: z.number().int(), cards: z.array(card) });

export const cardQuery = z.strictObject({
  text: z.string().max(10_000).optional(),
  use: use.optional(),
  family: z.string().max(80).optional(),
  kind: z.string().max(80).optional(),
  tag: z.string().max(200).optional(),
  folder: z.string().max(80).optional(),
  favourite: flag.optional(),
  state: cardState.optional(),
  grouped: flag.optional(),
  sort: z.enum(['name', 'newest', 'rating', 'size', 'best']).optional(),
  ...pageQuery,
});

export const cardEdit = z.strictObject({
  name: z.string().min(1).max(200).nullable().optional(),
  triggers: z.array(triggerSet).max(64).nullable().optional(),
  tags: z.array(z.string().min(1).max(80)).max(200).nullable().optional(),
  notes: z.string().max(100_000).optional(),
  description: z.string().max(100_000).nullable().optional(),
  favourite: z.boolean().optional(),
  rating: z.number().int().min(0).max(5).optional(),
  strength: z.number().min(-10).max(10).nullable().optional(),
  license: z.string().max(400).nullable().optional(),
  author: z.string().max(400).nullable().optional(),
});

export const facets = z.object({
  families: z.array(counted),
  kinds: z.array(counted),
  tags: z.array(counted),
  folders: z.array(counted),
});

export const libraryFolder = z.object({
  id: z.string(),
  /** Told only to the owner on this machine: the page shows where files lie. */
  path: z.string(),
  uses: z.array(use),
  layout: z.string(),
  state: z.enum(['present', 'missing']),
  files: z.number().int(),
});

export const newFolder = z.strictObject({ path: z.string().min(1).max(4096), uses: z.array(use).optional() });

export const folderPage = z.object({ folders: z.array(libraryFolder) });

/** What a card is written beside its file as. */
export const sideFileWish = z.strictObject({
  dialect: z.enum(['a1111', 'lora-manager']),
  /** Also where somebody wrote something else there. */
  replace: z.boolean().optional(),
});

export const scanState = z.object({ isRunning: z.boolean(), done: z.number(), total: z.number() });

/** What came out of a pack. */
export const unpacked = z.object({
  kind: z.enum(['lorapack', 'zip', 'safetensors']),
  models: z.array(
    z.object({ fileName: z.string(), what: z.string(), wasThere: z.boolean(), bytes: z.number() }),
  ),
  skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
});

export const scanSummary = z.object({
  seen: z.number(),
  added: z.number(),
  changed: z.number(),
  moved: z.number(),
  missing: z.number(),
  broken: z.number(),
  seconds: z.number(),
});

export const duplicate = z.object({
  id: cardId,
  name: z.string(),
  files: z.array(z.string()),
  bytes: z.number(),
  /** All of their tensors were compared; otherwise samples of them are equal, and hashing the card makes sure. */
  isSame: z.boolean(),
});

export type ApiCard = z.output<typeof card>;
export type ApiWholeCard = z.output<typeof wholeCard>;
export type ApiCardPage = z.output<typeof cardPage>;
export type ApiCardEdit = z.input<typeof cardEdit>;
export type ApiFacets = z.output<typeof facets>;
export type ApiTriggerSet = z.output<typeof triggerSet>;
export type ApiUnpacked = z.output<typeof unpacked>;
export type ApiLibraryFolder = z.output<typeof libraryFolder>;
