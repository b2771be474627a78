/** @file A scanned data set → latents in memory, each picture encoded once and cached by content. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Tensor, tensor } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import {
  assignBucket,
  assignBucketWithoutEnlarging,
  type BucketAssignment,
  type BucketOptions,
  bucketSizes,
  type Size,
} from './buckets.ts';
import { cacheKey } from './cache.ts';
import { firstLine } from './findings.ts';
import { readHeader } from './inspect.ts';
import { type Keep, type KeepOptions, openKeeper } from './keep.ts';
import { type MaskSource, makeLossMask } from './loss-masks.ts';
import { type MaskingEncoder, openMaskingEncoder } from './maskings.ts';
import { decodePicture, type PicturePlan } from './picture.ts';
import type { PictureRules } from './picture-rules.ts';
import type { DatasetScan, ScannedPicture } from './scan.ts';
import { cornerOf, planForms } from './variations.ts';

/** One form of a picture, encoded. */
export interface PictureView {
  /** As the encoder returned them, [1, channels, height, width]. */
  latents: Tensor;
  /** For inpainting models, one for each mask: what they read after the noisy latents, [1, 1 + channels, height, width]. */
  maskings?: readonly Tensor[];
  /** How much the loss counts at each latent pixel, 0 … 1; everywhere the same when undefined. [1, 1, height, width] */
  lossMask?: Tensor;
  /** Top left corner of the crop in the scaled picture. */
  crop: { left: number; top: number };
}

export interface TrainingItem {
  path: string;
  caption: string;
  bucket: Size;
  /** The forms that a step draws one of: a single one, unless pictures are varied. */
  views: readonly PictureView[];
  /** The same mirrored, when `flip` was asked for. */
  mirroredViews?: readonly PictureView[];
  /** How its caption is drawn and how much its loss counts; as the recipe says when undefined. */
  rules?: PictureRules;
  repeats: number;
  /** Before scaling, after EXIF rotation. */
  originalSize: Size;
}

export interface BucketRule extends BucketOptions {
  /** Never enlarge a picture; `min` and `max` then have no effect. */
  noEnlarging?: boolean;
}

export interface EncodeProgress {
  done: number;
  total: number;
  path: string;
  /** Whether the latents came from the cache. */
  cached: boolean;
}

export interface EncodeOptions extends KeepOptions {
  buckets: BucketRule;
  /** Of all pictures, whatever their rules say. */
  flip?: boolean;
  /** Give every picture its `maskings`. */
  masks?: boolean;
  /** Pixels [1, 3, height, width] in [-1, 1] → latents. */
  encode: (pixels: Tensor) => Promise<Tensor>;
  /** Part of the cache key: another encoder never meets these latents. */
  encoderHash: string;
  onProgress?: (progress: EncodeProgress) => void;
  signal?: AbortSignal;
}

/** Gives every picture its bucket, in the order of the scan. */
export function assignBuckets(pictures: readonly Size[], rule: BucketRule): BucketAssignment[] {
  if (rule.noEnlarging) {
    return pictures.map(size => assignBucketWithoutEnlarging(size, rule.resolution, rule.step));
  }
  const sizes = bucketSizes(rule);
  return pictures.map(size => assignBucket(size, sizes));
}

/** Reads a file again, and makes sure that it is still the one that was scanned. */
async function readScanned({ path, hash }: { path: string; hash: string }): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw badInput('FILE_UNREADABLE', `${path} cannot be opened: ${firstLine(error)}`, undefined, error);
  });
  if (createHash('sha256').update(bytes).digest('hex') === hash) return bytes;
  throw badInput('PICTURE_CHANGED', `${path} changed while the data set was being read`, 'Start again.');
}

/** One form of a picture, encoded. */
interface KeptView {
  view: PictureView;
  /** Whether all of it came from the cache. */
  cached: boolean;
}

interface Tools {
  keep: Keep;
  encode: EncodeOptions['encode'];
  maskings: MaskingEncoder | undefined;
  encoderHash: string;
  /** Tells of a picture's mask, once. */
  warnOfMask(path: string): void;
}

interface ReadPicture extends ScannedPicture {
  bytes: Uint8Array;
  /** Where its loss mask is, if it has one. */
  maskSource: MaskSource | undefined;
}

async function readMaskSource(picture: ScannedPicture, bytes: Uint8Array): Promise<MaskSource | undefined> {
  const { path, rules, mask } = picture;
  if (mask) return { bytes: await readScanned(mask), part: 'red', name: mask.path };
  if (rules.mask !== 'alpha' || !(await readHeader(bytes)).hasAlpha) return undefined;
  return { bytes, part: 'alpha', name: path };
}

/** The loss mask of a form; one that hides everything is told. */
async function maskOf(
  { maskSource, rules, path }: ReadPicture,
  plan: PicturePlan,
  latents: Tensor,
  { warnOfMask }: Tools,
): Promise<Pick<PictureView, 'lossMask'>> {
  if (!maskSource) return {};
  const [, , height, width] = latents.shape;
  const lossMask = await makeLossMask(maskSource, plan, { width, height }, rules.outsideMask);
  if (lossMask.data.every(share => share <= rules.outsideMask) && rules.outsideMask < 1) warnOfMask(path);
  return { lossMask };
}

function openMaskWarning(onWarning: EncodeOptions['onWarning']): Tools['warnOfMask'] {
  const told = new Set<string>();
  return path => {
    if (told.has(path)) return;
    told.add(path);
    const message = `${path}: its mask is black all over a crop, so nothing in it counts as inside`;
    onWarning?.({ code: 'MASK_EMPTY', message, path });
  };
}

/** Encodes one form of a picture, and for inpainting models each of its masked ones, one after the other. */
async function encodeView(picture: ReadPicture, plan: PicturePlan, tools: Tools): Promise<KeptView> {
  const { path, hash, bytes, rules } = picture;
  const { keep, encode, maskings, encoderHash } = tools;
  const source = { pictureHash: hash, plan, encoderHash };
  let decoded: Tensor | undefined;
  const pixels = async (): Promise<Tensor> => {
    const { width, height } = plan.bucket;
    decoded ??= tensor([1, 3, height, width], await decodePicture(bytes, plan, path));
    return decoded;
  };
  const plain = await keep(cacheKey(source), path, async () => encode(await pixels()));
  const lossMask = await maskOf(picture, plan, plain.latents, tools);
  const view = { latents: plain.latents, crop: cornerOf(plan, rules), ...lossMask };
  if (!maskings) return { view, cached: plain.cached };
  const masked = await maskings(source, path, pixels);
  return {
    view: { ...view, maskings: masked.map(({ latents }) => latents) },
    cached: plain.cached && masked.every(({ cached }) => cached),
  };
}

/** Encodes forms of a picture; equal ones once. */
async function encodeForms(
  picture: ReadPicture,
  plans: readonly PicturePlan[],
  tools: Tools,
): Promise<KeptView[]> {
  const known = new Map<string, KeptView>();
  const forms: KeptView[] = [];
  for (const plan of plans) {
    const key = JSON.stringify(plan);
    const form = known.get(key) ?? (await encodeView(picture, plan, tools));
    known.set(key, form);
    forms.push(form);
  }
  return forms;
}

/** Encodes every picture of a scan; a picture that has become unreadable since is an error, never left out. */
export async function encodeDataset(scan: DatasetScan, options: EncodeOptions): Promise<TrainingItem[]> {
  const { encoderHash, onWarning } = options;
  const keep = openKeeper(options);
  const encode = async (pixels: Tensor): Promise<Tensor> => {
    options.signal?.throwIfAborted(); // a picture with its masked forms takes several
    return options.encode(pixels);
  };
  const maskings = options.masks ? openMaskingEncoder(encode, keep) : undefined;
  const warnOfMask = openMaskWarning(onWarning);
  const tools = { keep, encode, maskings, encoderHash, warnOfMask };
  const assignments = assignBuckets(scan.pictures, options.buckets);
  const items: TrainingItem[] = [];
  for (const [index, picture] of scan.pictures.entries()) {
    options.signal?.throwIfAborted();
    const { path, caption, repeats, width, height, rules } = picture;
    const bytes = await readScanned(picture);
    const maskSource = await readMaskSource(picture, bytes);
    const read = { ...picture, bytes, maskSource };
    const kept = maskSource?.part === 'alpha' ? { keepsHidden: true } : {};
    const plans = planForms(picture, assignments[index], options.buckets).map(plan => ({ ...plan, ...kept }));
    const upright = await encodeForms(read, plans, tools);
    const flipped =
      options.flip || rules.flip
        ? await encodeForms(
            read,
            plans.map(plan => ({ ...plan, flip: true })),
            tools,
          )
        : [];
    items.push({
      path,
      caption,
      rules,
      bucket: assignments[index].bucket,
      views: upright.map(({ view }) => view),
      ...(flipped.length > 0 ? { mirroredViews: flipped.map(({ view }) => view) } : {}),
      repeats,
      originalSize: { width, height },
    });
    const cached = [...upright, ...flipped].every(form => form.cached);
    options.onProgress?.({ done: items.length, total: scan.pictures.length, path, cached });
  }
  return items;
}

/** The same pictures without other forms of them, as they are looked at: no mirror, no other colours or crops. */
export function asTheyAre(scan: DatasetScan): DatasetScan {
  const plain = { flip: false, colour: false, randomCrop: false, cropJitter: 0, variants: 1 };
  return { ...scan, pictures: scan.pictures.map(p => ({ ...p, rules: { ...p.rules, ...plain } })) };
}
