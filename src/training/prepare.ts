/** @file Everything that is computed once before the first step: latents of the pictures, states of the captions. */
import { dirname } from 'node:path';
import {
  assignBuckets,
  type BucketRule,
  type DatasetScan,
  type DatasetWarning,
  encodeDataset,
  scanFolder,
  type TrainingItem,
} from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import {
  type Checkpoint,
  type EncodedText,
  openTextConditioner,
  openVaeEncoder,
  padText,
  wholeUpToDefault,
} from '../models/index.ts';
import { batchesPerEpoch } from './batches.ts';
import { encoderFingerprint } from './fingerprint.ts';
import type { Recipe } from './recipe.ts';

export interface PrepareOptions {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly session?: SessionOptions;
  /** Memory is scarce: large pictures are encoded in tiles. */
  readonly frugal?: boolean;
  /** Latents are kept here between runs; none when undefined. */
  readonly cacheFolder?: string;
  readonly signal?: AbortSignal;
  readonly onCount?: (phase: 'scan' | 'latents' | 'captions', done: number, total: number) => void;
  readonly onWarning?: (warning: DatasetWarning) => void;
}

/** Sides from half to twice the longest, as kohya has 256 to 1024 at 512. */
function bucketRule({ resolution, bucketStep }: Recipe): BucketRule {
  const longest = Math.max(resolution.width, resolution.height);
  const min = Math.ceil(longest / 2 / bucketStep) * bucketStep;
  return { resolution, min, max: 2 * longest, step: bucketStep };
}

export async function scanPictures(
  folder: string,
  { recipe, signal, onCount }: Pick<PrepareOptions, 'recipe' | 'signal' | 'onCount'>,
): Promise<DatasetScan> {
  return scanFolder(folder, {
    ...(recipe.caption === null ? {} : { caption: recipe.caption }),
    ...(recipe.trigger === null ? {} : { trigger: recipe.trigger }),
    ...(signal ? { signal } : {}),
    onProgress: (done, total) => onCount?.('scan', done, total),
  });
}

export interface BucketSurvey {
  /** `WxH` → pictures, repeats not counted. */
  readonly buckets: Readonly<Record<string, number>>;
  /** Micro-steps that show every picture as often as it repeats. */
  readonly batchesPerEpoch: number;
}

/** Which buckets the pictures of a scan go to, without encoding them. */
export function surveyBuckets(scan: DatasetScan, recipe: Recipe): BucketSurvey {
  const buckets: Record<string, number> = {};
  const items = assignBuckets(scan.pictures, bucketRule(recipe)).map(({ bucket }, i) => {
    const key = `${bucket.width}x${bucket.height}`;
    buckets[key] = (buckets[key] ?? 0) + 1;
    return { bucket, repeats: scan.pictures[i].repeats };
  });
  return { buckets, batchesPerEpoch: batchesPerEpoch(items, recipe.batch) };
}

/**
 * Latent pixels up to which a picture is encoded whole, as other trainers do: 1280², for which 5 GiB are enough. With
 * scarce memory 768²; tiles give slightly other latents.
 */
const wholeUpTo = ({ frugal }: PrepareOptions): number => (frugal ? wholeUpToDefault : 160 * 160);

export async function encodePictures(scan: DatasetScan, options: PrepareOptions): Promise<TrainingItem[]> {
  const { checkpoint, recipe, session, cacheFolder, signal, onCount, onWarning } = options;
  const whole = wholeUpTo(options);
  const encoder = openVaeEncoder(checkpoint, { ...session, wholeUpTo: whole });
  try {
    return await encodeDataset(scan, {
      buckets: bucketRule(recipe),
      flip: recipe.flip,
      masks: checkpoint.variant === 'inpaint',
      encode: pixels => encoder.encode(pixels),
      encoderHash: `${encoderFingerprint(checkpoint)} ${whole}`,
      ...(cacheFolder ? { cacheFolder } : {}),
      ...(signal ? { signal } : {}),
      ...(onWarning ? { onWarning } : {}),
      onProgress: ({ done, total }) => onCount?.('latents', done, total),
    });
  } finally {
    await encoder.release();
  }
}

function checkText({ context }: EncodedText, checkpoint: Checkpoint): void {
  const at = context.data.findIndex(x => !Number.isFinite(x));
  if (at < 0) return;
  const folder = dirname(checkpoint.textEncoder.files[0] ?? checkpoint.path);
  const message = `${folder}: the text encoder gives ${context.data[at]}`;
  throw badInput('TEXT_STATES_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
}

/** sd-scripts' longest `max_token_length`, 225 tokens. */
const mostChunks = 3;

/** A step's graph has one length of text: shorter captions end with the states of the empty one. */
function padAll(texts: ReadonlyMap<string, EncodedText>): Map<string, EncodedText> {
  const tokens = Math.max(...[...texts.values()].map(({ context }) => context.shape[1]));
  const empty = texts.get('') as EncodedText;
  return new Map([...texts].map(([caption, text]) => [caption, padText(text, empty, tokens)]));
}

/** Text states by caption, each caption encoded once; with that of the empty caption, which dropout needs. */
export async function encodeCaptions(
  items: readonly TrainingItem[],
  { checkpoint, session, signal, onCount, onWarning }: PrepareOptions,
): Promise<Map<string, EncodedText>> {
  const conditioner = await openTextConditioner(checkpoint, session);
  const captions = [...new Set(['', ...items.map(item => item.caption)])];
  const texts = new Map<string, EncodedText>();
  try {
    for (const caption of captions) {
      signal?.throwIfAborted();
      const text = await conditioner.encode(caption, { mostChunks });
      checkText(text, checkpoint);
      if (text.truncated.trim() !== '') {
        const message = `caption "${caption.slice(0, 60)}…" is too long: "${text.truncated.trim()}" is not read`;
        onWarning?.({ code: 'CAPTION_TRUNCATED', message });
      }
      texts.set(caption, text);
      onCount?.('captions', texts.size, captions.length);
    }
  } finally {
    await conditioner.release();
  }
  return padAll(texts);
}
