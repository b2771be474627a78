/** @file Reads a data set folder: which pictures will be trained on, with which captions, and what is left out and why. */

import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { badInput, usageError } from '../errors.ts';
import { type CaptionFiles, findCaptionFiles, stemOf } from './caption-files.ts';
import { type CaptionSource, chooseCaption } from './captions.ts';
import { type DatasetWarning, isSkip, type Skip } from './findings.ts';
import { type FolderListing, type FoundFile, walkFolder } from './folder-walk.ts';
import { mapInOrder } from './in-order.ts';
import {
  type InspectLimits,
  inspectPicture,
  kindOfFile,
  type PictureFacts,
  pictureExtensions,
} from './inspect.ts';

export type { CaptionSource } from './captions.ts';

export interface ScanOptions {
  /** For pictures without a caption file. */
  caption?: string;
  /** Put in front of every caption that does not hold it. */
  trigger?: string;
  /** Pictures without a caption file take their file name, `_` read as a space. */
  captionFromFileName?: boolean;
  /** Instead of what kohya folder names (`10_cat`) say. */
  repeats?: number;
  /** Pictures with a shorter side are left out; 16. */
  minSide?: number;
  /** Pictures with more pixels are left out; 200 million. */
  maxPixels?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface ScannedPicture {
  path: string;
  /** After EXIF rotation. */
  width: number;
  height: number;
  /** sha256 of the file, hex. */
  hash: string;
  /** With the trigger word. */
  caption: string;
  captionSource: CaptionSource;
  repeats: number;
}

export interface DatasetScan {
  folder: string;
  /** The pictures that are trained on, in path order. */
  pictures: ScannedPicture[];
  /** Pictures, and files or folders that cannot be opened, that are left out. */
  skipped: Skip[];
  warnings: DatasetWarning[];
  /** Files that are neither pictures nor captions (hidden ones too). */
  ignored: string[];
}

export const defaultLimits: InspectLimits = { minSide: 16, maxPixels: 200_000_000 };

function checkOptions(options: ScanOptions): void {
  const { repeats } = options;
  if (repeats === undefined || (Number.isInteger(repeats) && repeats >= 1 && repeats <= 10_000)) return;
  throw usageError('DATASET_REPEATS', `repeats must be a whole number from 1 to 10000, not ${repeats}`);
}

function describeSkips(skipped: readonly Skip[]): string {
  const shown = skipped.slice(0, 5).map(skip => `  ${skip.path}: ${skip.reason}`);
  if (skipped.length > shown.length) shown.push(`  and ${skipped.length - shown.length} more`);
  return shown.join('\n');
}

function checkNotEmpty(folder: string, pictureFiles: number, scan: DatasetScan): void {
  if (scan.pictures.length > 0) return;
  if (pictureFiles > 0) {
    const message = `none of the ${pictureFiles} pictures in ${folder} can be used:\n${describeSkips(scan.skipped)}`;
    throw badInput('DATASET_NO_READABLE', message, 'Mend or replace the pictures.');
  }
  const others = scan.skipped.length > 0 ? `\n${describeSkips(scan.skipped)}` : '';
  throw badInput(
    'DATASET_EMPTY',
    `no picture in ${folder} or below it (looked for ${pictureExtensions.join(' ')})${others}`,
    'Put JPEG, PNG or WebP pictures into the folder.',
  );
}

function warnAboutPictures(pictures: readonly ScannedPicture[], warnings: DatasetWarning[]): void {
  if (pictures.length === 1) {
    const message = 'one picture: the LoRA will repeat it';
    warnings.push({ code: 'DATASET_ONE_PICTURE', message, path: pictures[0].path });
  }
  const firstWithHash = new Map<string, string>();
  for (const { hash, path } of pictures) {
    const twin = firstWithHash.get(hash);
    if (twin === undefined) firstWithHash.set(hash, path);
    else {
      const message = `${path} is the same file as ${twin}; it counts twice`;
      warnings.push({ code: 'DATASET_DUPLICATE', message, path });
    }
  }
}

function sortFiles(listing: FolderListing, captions: CaptionFiles, scan: DatasetScan): FoundFile[] {
  const pictures: FoundFile[] = [];
  for (const file of listing.files) {
    const kind = kindOfFile(file.name);
    if (kind === 'picture') pictures.push(file);
    else if (kind === 'foreign picture') {
      const reason = `${extname(file.name)} cannot be read; save it as PNG or JPEG`;
      scan.skipped.push({ path: file.path, code: 'PICTURE_FORMAT_UNSUPPORTED', reason });
      captions.claim(file);
    } else if (!captions.isCaption(file.path)) scan.ignored.push(file.path);
  }
  return pictures;
}

async function describePicture(
  file: FoundFile,
  facts: PictureFacts,
  captions: CaptionFiles,
  options: ScanOptions,
  warnings: DatasetWarning[],
): Promise<ScannedPicture> {
  const { path, name, meaning } = file;
  const caption = await chooseCaption(
    {
      picture: path,
      ...captions.claim(file),
      given: options.caption,
      fileName: options.captionFromFileName ? stemOf(name).replaceAll('_', ' ') : undefined,
      classTokens: meaning.classTokens,
      trigger: options.trigger,
    },
    warnings,
  );
  if (facts.frames > 1) {
    const message = `${path} has ${facts.frames} frames; only the first is used`;
    warnings.push({ code: 'PICTURE_MANY_FRAMES', message, path });
  }
  const { width, height, hash } = facts;
  const repeats = options.repeats ?? meaning.repeats;
  return { path, width, height, hash, caption: caption.text, captionSource: caption.source, repeats };
}

function refuseBeforeOpening(file: FoundFile, options: ScanOptions): Skip | undefined {
  if (options.repeats !== undefined || file.meaning.repeats > 0) return undefined;
  return { path: file.path, code: 'PICTURE_NO_REPEATS', reason: 'its folder name asks for 0 repeats' };
}

/**
 * Scans a folder of pictures: flat, nested, or kohya's `<repeats>_<class tokens>` sub-folders. Every file ends up in
 * `pictures`, `skipped` or `ignored`, or is the caption of one. Throws when no picture can be used, or when a
 * caption file holds something other than text.
 */
export async function scanFolder(folder: string, options: ScanOptions = {}): Promise<DatasetScan> {
  checkOptions(options);
  const listing = await walkFolder(folder);
  const { skipped, warnings } = listing;
  const scan: DatasetScan = { folder, pictures: [], skipped, warnings, ignored: [...listing.hidden] };
  const captions = findCaptionFiles(listing.files);
  const pictureFiles = sortFiles(listing, captions, scan);
  const limits: InspectLimits = {
    minSide: options.minSide ?? defaultLimits.minSide,
    maxPixels: options.maxPixels ?? defaultLimits.maxPixels,
  };

  let done = 0;
  const results = await mapInOrder(pictureFiles, Math.min(4, availableParallelism()), async file => {
    options.signal?.throwIfAborted();
    const result = refuseBeforeOpening(file, options) ?? (await inspectPicture(file.path, limits));
    options.onProgress?.(++done, pictureFiles.length);
    return { file, result };
  });
  for (const { file, result } of results) {
    if (isSkip(result)) {
      skipped.push(result);
      captions.claim(file);
    } else scan.pictures.push(await describePicture(file, result, captions, options, warnings));
  }

  checkNotEmpty(folder, pictureFiles.length, scan);
  for (const path of captions.unclaimed()) {
    warnings.push({ code: 'CAPTION_WITHOUT_PICTURE', message: `${path} belongs to no picture`, path });
  }
  warnAboutPictures(scan.pictures, warnings);
  return scan;
}
