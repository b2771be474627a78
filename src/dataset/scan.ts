/** @file Reads a data set: which pictures will be trained on, with which captions, and what is left out and why. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { badInput, LoraError, usageError } from '../errors.ts';
import { stemOf } from './caption-files.ts';
import { type Caption, type CaptionSource, chooseCaption } from './captions.ts';
import { type DatasetWarning, isSkip, type Skip } from './findings.ts';
import type { FoundFile } from './folder-walk.ts';
import { mapInOrder } from './in-order.ts';
import { type Inspect, type InspectLimits, inspectPicture, type PictureFacts } from './inspect.ts';
import { inspectMask, type MaskFile } from './mask-files.ts';
import { type PictureRules, plainRules } from './picture-rules.ts';
import { balanceRegularisation } from './regularisation.ts';
import { checkHasPictures, listSource, type PictureSource, type SourceFiles } from './source-files.ts';

export type { CaptionSource } from './captions.ts';

export interface ScanOptions {
  /** For pictures without a caption file; not for regularisation pictures. */
  caption?: string;
  /** Put in front of every caption that does not hold it; not of regularisation pictures. */
  trigger?: string;
  /** Pictures without a caption file take their file name, `_` read as a space. */
  captionFromFileName?: boolean;
  /** Pictures with a shorter side are left out; 16. */
  minSide?: number;
  /** Pictures with more pixels are left out; 200 million. */
  maxPixels?: number;
  onProgress?: (done: number, total: number) => void;
  /** Is told of captions that cannot be read, which otherwise end the scan; their pictures then have an empty one. */
  onBadCaption?: (error: LoraError, picture: string) => void;
  /** Opens pictures and masks; `inspectPicture`, or something that remembers what it said. */
  inspect?: Inspect;
  signal?: AbortSignal;
}

export interface ScannedPicture {
  path: string;
  /** The folder of its source. */
  folder: string;
  /** After EXIF rotation. */
  width: number;
  height: number;
  /** sha256 of the file, hex. */
  hash: string;
  /** With the trigger word; several lines only with wildcards. */
  caption: string;
  captionSource: CaptionSource;
  repeats: number;
  rules: PictureRules;
  /** Where the loss counts, for `rules.mask` `files`. */
  mask?: MaskFile;
}

export interface DatasetScan {
  /** That of the first source. */
  folder: string;
  /** The pictures that are trained on, source by source, in path order. */
  pictures: ScannedPicture[];
  /** Pictures, and files or folders that cannot be opened, that are left out. */
  skipped: Skip[];
  warnings: DatasetWarning[];
  /** Files that are neither pictures nor captions (hidden ones too). */
  ignored: string[];
}

export const defaultLimits: InspectLimits = { minSide: 16, maxPixels: 200_000_000 };

function checkSource({ repeats }: PictureSource): void {
  if (repeats === undefined || (Number.isInteger(repeats) && repeats >= 1 && repeats <= 10_000)) return;
  throw usageError('DATASET_REPEATS', `repeats must be a whole number from 1 to 10000, not ${repeats}`);
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

/** What a caption is chosen from. */
export interface CaptionClaims extends Pick<SourceFiles, 'source' | 'warnings'> {
  readonly captions: Pick<SourceFiles['captions'], 'claim'>;
  readonly metadata: Pick<SourceFiles['metadata'], 'claim'>;
}

/** The caption of a picture as training reads it. */
export function describeCaption(
  file: FoundFile,
  { source, captions, metadata, warnings }: CaptionClaims,
  options: ScanOptions,
): ReturnType<typeof chooseCaption> {
  const { path, name, meaning } = file;
  const isOther = source.rules.isRegularisation;
  return chooseCaption(
    {
      picture: path,
      files: captions.claim(file),
      metadata: metadata.claim(file),
      given: isOther ? undefined : options.caption,
      fileName: options.captionFromFileName ? stemOf(name).replaceAll('_', ' ') : undefined,
      classTokens: meaning.classTokens ?? source.classTokens,
      trigger: isOther ? undefined : options.trigger,
      rules: source.rules,
    },
    warnings,
  );
}

async function findMask(
  picture: Pick<ScannedPicture, 'path' | 'width' | 'height' | 'rules'>,
  { hasAlpha }: PictureFacts,
  { masks, warnings }: SourceFiles,
  { maxPixels }: InspectLimits,
  inspect?: Inspect,
): Promise<MaskFile | undefined> {
  const { path, rules } = picture;
  if (rules.mask === 'none' || (rules.mask === 'alpha' && hasAlpha)) return undefined;
  const mask = masks.get(path);
  if (mask !== undefined) return inspectMask(mask, picture, maxPixels, inspect);
  const what = rules.mask === 'alpha' ? 'no transparency' : 'no mask';
  const message = `${path} has ${what}: all of it is trained on`;
  warnings.push({ code: 'MASK_MISSING', message, path });
  return undefined;
}

async function describePicture(
  file: FoundFile,
  facts: PictureFacts,
  files: SourceFiles,
  options: ScanOptions,
  limits: InspectLimits,
): Promise<ScannedPicture> {
  const { path, meaning } = file;
  const { source, warnings } = files;
  const caption = await describeCaption(file, files, options).catch((error: unknown): Caption => {
    if (!options.onBadCaption || !(error instanceof LoraError)) throw error;
    options.onBadCaption(error, path);
    return { text: '', source: 'none' };
  });
  if (facts.frames > 1) {
    const message = `${path} has ${facts.frames} frames; only the first is used`;
    warnings.push({ code: 'PICTURE_MANY_FRAMES', message, path });
  }
  const { width, height, hash } = facts;
  const repeats = source.repeats ?? meaning.repeats;
  const { folder, rules } = source;
  const mask = await findMask({ path, width, height, rules }, facts, files, limits, options.inspect);
  return {
    ...{ path, folder, width, height, hash, repeats, rules },
    ...{ caption: caption.text, captionSource: caption.source },
    ...(mask ? { mask } : {}),
  };
}

function refuseBeforeOpening({ path, meaning }: FoundFile, { repeats }: PictureSource): Skip | undefined {
  if (repeats !== undefined || meaning.repeats > 0) return undefined;
  return { path, code: 'PICTURE_NO_REPEATS', reason: 'its folder name asks for 0 repeats' };
}

/** Sources may hold each other; a picture belongs to the first that has it. */
function leaveOutSeen(sources: readonly SourceFiles[]): SourceFiles[] {
  const seen = new Map<string, string>();
  return sources.map(files => {
    const { pictures, skipped, source } = files;
    const own = pictures.filter(file => {
      const { path } = file;
      const first = seen.get(resolve(path));
      if (first === undefined) return seen.set(resolve(path), source.folder);
      const reason = `it was read already as part of ${first}`;
      skipped.push({ path, code: 'PICTURE_SEEN', reason });
      files.captions.claim(file);
      files.metadata.claim(file);
      return false;
    });
    return { ...files, pictures: own };
  });
}

function reportCaptions({ captions, metadata, lostCaptions, warnings }: SourceFiles): void {
  for (const path of lostCaptions()) {
    warnings.push({ code: 'CAPTION_WITHOUT_PICTURE', message: `${path} belongs to no picture`, path });
  }
  for (const { path, pictures } of captions.shared()) {
    const message = `${pictures.join(' and ')} have the same caption file ${path}`;
    warnings.push({ code: 'CAPTION_SHARED', message, path });
  }
  metadata.report(warnings);
}

/**
 * Scans sources of pictures: folders, flat, nested, or with kohya's `<repeats>_<class tokens>` sub-folders. Every file
 * ends up in `pictures`, `skipped` or `ignored`, or is the caption or the mask of a picture. Throws when no picture of a
 * source can be used, when a caption file holds something other than text, and when a mask does not fit.
 */
export async function scanDataset(
  sources: readonly PictureSource[],
  options: ScanOptions = {},
): Promise<DatasetScan> {
  if (sources.length === 0) throw usageError('DATASET_NO_SOURCE', 'no folder with pictures was given');
  for (const source of sources) checkSource(source);
  const { inspect = inspectPicture } = options;
  const limits: InspectLimits = { ...defaultLimits };
  if (options.minSide !== undefined) limits.minSide = options.minSide;
  if (options.maxPixels !== undefined) limits.maxPixels = options.maxPixels;

  const listed: SourceFiles[] = [];
  for (const source of sources) listed.push(await listSource(source));
  const all = leaveOutSeen(listed).flatMap(files => files.pictures.map(file => ({ file, files })));
  let done = 0;
  const results = await mapInOrder(all, Math.min(4, availableParallelism()), async ({ file, files }) => {
    options.signal?.throwIfAborted();
    const result = refuseBeforeOpening(file, files.source) ?? (await inspect(file.path, limits));
    options.onProgress?.(++done, all.length);
    return { file, files, result };
  });

  const used = new Map<PictureSource, ScannedPicture[]>(sources.map(source => [source, []]));
  for (const { file, files, result } of results) {
    if (isSkip(result)) {
      files.skipped.push(result);
      files.captions.claim(file);
      files.metadata.claim(file);
    } else used.get(files.source)?.push(await describePicture(file, result, files, options, limits));
  }
  for (const files of listed) {
    checkHasPictures(files, used.get(files.source)?.length ?? 0);
    reportCaptions(files);
  }
  return assemble(listed, [...used.values()].flat());
}

function assemble(listed: readonly SourceFiles[], found: readonly ScannedPicture[]): DatasetScan {
  const { kept: pictures, left } = balanceRegularisation(found);
  const warnings = listed.flatMap(files => files.warnings);
  if (pictures.every(({ rules }) => rules.isRegularisation)) {
    throw badInput(
      'DATASET_ONLY_REGULARISATION',
      'all pictures are regularisation pictures: nothing to learn',
    );
  }
  warnAboutPictures(pictures, warnings);
  return {
    folder: listed[0].source.folder,
    pictures,
    skipped: [...listed.flatMap(({ skipped }) => skipped), ...left],
    warnings,
    ignored: listed.flatMap(({ ignored }) => ignored),
  };
}

/** Scans one folder whose captions are read as they are. */
export async function scanFolder(
  folder: string,
  { repeats, ...options }: ScanOptions & { repeats?: number } = {},
): Promise<DatasetScan> {
  const source = { folder, rules: plainRules, ...(repeats === undefined ? {} : { repeats }) };
  return scanDataset([source], options);
}
