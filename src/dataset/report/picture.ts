/** @file Everything that is measured of one picture of the set. */
import { readFile } from 'node:fs/promises';
import type { BucketAssignment } from '../buckets.ts';
import { openPicture } from '../inspect.ts';
import { describeLikeness, type Likeness } from '../likeness/likeness.ts';
import { decodePicture } from '../picture.ts';
import type { ScannedPicture } from '../scan.ts';
import { edgeMap } from './composition.ts';
import { type Exposure, exposureOf } from './exposure.ts';
import { type FileFacts, fileFacts } from './file-facts.ts';
import { type Ground, groundOf } from './ground.ts';
import { jpegQuality } from './jpeg.ts';
import { qualityFromPixels } from './jpeg-traces.ts';
import { trainedPixels } from './levels.ts';
import { type Sharpness, sharpnessOf } from './sharpness.ts';
import { thresholds } from './thresholds.ts';

export interface MeasuredPicture {
  readonly picture: ScannedPicture;
  readonly placed: BucketAssignment;
  /** Trained pixels for one of the file, along a side; below 1 the picture is reduced. */
  readonly scale: number;
  /** Share of the picture that the crop leaves out. */
  readonly cutAway: number;
  readonly file: FileFacts;
  readonly sharpness: Sharpness;
  readonly exposure: Exposure;
  /** IJG quality by the file's tables or by traces in its pixels, whichever is worse; undefined without either. */
  readonly jpegQuality: number | undefined;
  readonly ground: Ground;
  /** See `edgeMap`. */
  readonly edges: Float64Array;
  readonly likeness: Likeness;
  /** The whole picture, small, as JPEG; only when it was asked for. */
  readonly thumbnail: Uint8Array | undefined;
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

/** Measures a picture as it is trained; throws PICTURE_BROKEN or FILE_UNREADABLE when it has changed since the scan. */
export async function measurePicture(
  picture: ScannedPicture,
  placed: BucketAssignment,
  thumbnailSide: number | undefined,
): Promise<MeasuredPicture> {
  const bytes = await readFile(picture.path);
  const pixels = trainedPixels(await decodePicture(bytes, placed, picture.path), placed.bucket);
  const { resized, bucket } = placed;
  return {
    picture,
    placed,
    scale: Math.max(resized.width / picture.width, resized.height / picture.height),
    cutAway: 1 - (bucket.width * bucket.height) / (resized.width * resized.height),
    file: await fileFacts(bytes),
    sharpness: sharpnessOf(pixels, thresholds.fewestEdges),
    exposure: exposureOf(pixels),
    jpegQuality: worse(jpegQuality(bytes), await qualityFromPixels(bytes)),
    ground: groundOf(pixels),
    edges: edgeMap(pixels),
    likeness: await describeLikeness(bytes),
    thumbnail: thumbnailSide ? await makeThumbnail(bytes, thumbnailSide) : undefined,
  };
}
