/** @file Everything that is measured of one picture of the set. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { BucketAssignment } from '../buckets.ts';
import { openPicture } from '../inspect.ts';
import { finestSide } from '../likeness/describe.ts';
import { type Likeness, likenessOf } from '../likeness/likeness.ts';
import { flattenedPixels } from '../likeness/pixels.ts';
import { decodePicture } from '../picture.ts';
import type { ScannedPicture } from '../scan.ts';
import { edgeMap } from './composition.ts';
import { type Exposure, exposureOf } from './exposure.ts';
import { type FileFacts, fileFacts } from './file-facts.ts';
import { type Ground, groundOf } from './ground.ts';
import { jpegQuality } from './jpeg.ts';
import { qualityFromPixels } from './jpeg-traces.ts';
import type { KeptMeasures } from './kept/keep-measures.ts';
import { type Kind, thumbnailKind } from './kept/kind.ts';
import { contentKind, trainedKind } from './kept/measure-kinds.ts';
import { trainedPixels } from './levels.ts';
import { type Sharpness, sharpnessOf } from './sharpness.ts';
import { thresholds } from './thresholds.ts';

/** What is measured of the whole picture, however it is trained. */
export interface PictureContent {
  readonly file: FileFacts;
  /** IJG quality by the file's tables or by traces in its pixels, whichever is worse; undefined without either. */
  readonly jpegQuality: number | undefined;
  /** The picture stretched to a small square, interleaved RGB: what the likeness is made of. */
  readonly small: Uint8Array;
  readonly likeness: Likeness;
}

/** What is measured of the picture as it is trained. */
export interface TrainedMeasures {
  readonly sharpness: Sharpness;
  readonly exposure: Exposure;
  readonly ground: Ground;
  /** See `edgeMap`. */
  readonly edges: Float64Array;
}

export interface MeasuredPicture extends Omit<PictureContent, 'small'>, TrainedMeasures {
  readonly picture: ScannedPicture;
  readonly placed: BucketAssignment;
  /** Trained pixels for one of the file, along a side; below 1 the picture is reduced. */
  readonly scale: number;
  /** Share of the picture that the crop leaves out. */
  readonly cutAway: number;
  /** The whole picture, small, as JPEG; only when it was asked for. */
  readonly thumbnail: Uint8Array | undefined;
}

export interface MeasureOptions {
  readonly thumbnailSide?: number | undefined;
  readonly kept?: KeptMeasures | undefined;
}

const maxPixels = 1_000_000_000;

function makeThumbnail(bytes: Uint8Array, side: number): Promise<Uint8Array> {
  return openPicture(bytes, maxPixels)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 72, mozjpeg: true })
    .toBuffer();
}

const worse = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);

async function measureContent(bytes: Uint8Array): Promise<PictureContent> {
  const file = await fileFacts(bytes);
  const quality = worse(jpegQuality(bytes), await qualityFromPixels(bytes));
  const small = Uint8Array.from(await flattenedPixels(bytes, finestSide));
  return { file, jpegQuality: quality, small, likeness: likenessOf(small) };
}

async function measureTrained(
  bytes: Uint8Array,
  placed: BucketAssignment,
  name: string,
): Promise<TrainedMeasures> {
  const pixels = trainedPixels(await decodePicture(bytes, placed, name), placed.bucket);
  return {
    sharpness: sharpnessOf(pixels, thresholds.fewestEdges),
    exposure: exposureOf(pixels),
    ground: groundOf(pixels),
    edges: edgeMap(pixels),
  };
}

/** The file, read once and only where something is not known. */
function openBytes({ path, hash }: ScannedPicture, isHashed: boolean) {
  const read = async () => {
    const bytes = await readFile(path);
    const isScanned = isHashed && createHash('sha256').update(bytes).digest('hex') === hash;
    return { bytes, isScanned };
  };
  let reading: ReturnType<typeof read> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

/**
 * Measures a picture as it is trained, as far as `kept` does not know it. Throws PICTURE_BROKEN or FILE_UNREADABLE when
 * it has changed since the scan; nothing is kept of such a file.
 */
export async function measurePicture(
  picture: ScannedPicture,
  placed: BucketAssignment,
  { thumbnailSide, kept }: MeasureOptions = {},
): Promise<MeasuredPicture> {
  const open = openBytes(picture, kept !== undefined);
  const known = async <Value extends object>(
    kind: Kind<Value>,
    how: readonly unknown[],
    measure: (bytes: Uint8Array) => Promise<Value>,
  ): Promise<Value> => {
    const of = [picture.hash, ...how];
    const value = kept?.get(kind, of);
    if (value) return value;
    const { bytes, isScanned } = await open();
    const measured = await measure(bytes);
    if (isScanned) kept?.put(kind, of, measured);
    return measured;
  };
  const { resized, bucket, crop } = placed;
  const sizes = [bucket.width, bucket.height, resized.width, resized.height, crop.left, crop.top];
  const { path } = picture;
  const trained = await known(trainedKind, sizes, bytes => measureTrained(bytes, placed, path));
  const { file, jpegQuality, likeness } = await known(contentKind, [], measureContent);
  return {
    picture,
    placed,
    scale: Math.max(resized.width / picture.width, resized.height / picture.height),
    cutAway: 1 - (bucket.width * bucket.height) / (resized.width * resized.height),
    ...trained,
    ...{ file, jpegQuality, likeness },
    thumbnail: thumbnailSide
      ? await known(thumbnailKind, [thumbnailSide], bytes => makeThumbnail(bytes, thumbnailSide))
      : undefined,
  };
}
