/** @file One source of pictures, its files told apart: pictures, masks, captions, metadata, and the rest. */
import { statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { badInput } from '../errors.ts';
import { findSidecars, type Sidecars, stemOf } from './caption-files.ts';
import { isMetadataName, type MetadataCaptions, openMetadata, readMetadata } from './caption-metadata.ts';
import type { DatasetWarning, Skip } from './findings.ts';
import { type FolderListing, type FoundFile, walkFolder } from './folder-walk.ts';
import { kindOfFile, pictureExtensions } from './inspect.ts';
import { masksInFolder, pairMasks } from './mask-files.ts';
import type { PictureRules } from './picture-rules.ts';

/** Where pictures come from, and what is done with them. */
export interface PictureSource {
  folder: string;
  rules: PictureRules;
  /** Instead of what folder names say. */
  repeats?: number;
  /** Where neither a caption nor a folder name is. */
  classTokens?: string;
  /** As in sd-scripts' data set files: only the folder itself is read, and its name says nothing. */
  isFlat?: boolean;
  /** Endings of caption files, the first wins; `.txt`, `.caption` and the picture's own `.json` unless said. */
  captionEndings?: readonly string[];
  /** Only the pictures that this file names, with its captions. */
  metadataFile?: string;
}

export interface SourceFiles {
  readonly source: PictureSource;
  /** In path order. */
  readonly pictures: readonly FoundFile[];
  readonly captions: Sidecars;
  readonly metadata: MetadataCaptions;
  /** Path of a picture → its mask. */
  readonly masks: ReadonlyMap<string, string>;
  readonly skipped: Skip[];
  readonly warnings: DatasetWarning[];
  readonly ignored: string[];
  /** Caption files that no picture has claimed. */
  lostCaptions(): string[];
}

const usualEndings = ['.txt', '.caption', '.json'];

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The files that a metadata file names: sd-scripts takes names without an extension, too. */
async function listNamed(source: PictureSource, metadataFile: string): Promise<FolderListing> {
  const listing: FolderListing = { files: [], hidden: [], skipped: [], warnings: [] };
  for (const { key } of await readMetadata(metadataFile, source.rules)) {
    const place = resolve(source.folder, key.replaceAll('\\', '/'));
    const path = ['', ...pictureExtensions].map(extension => place + extension).find(isFile);
    const meaning = { repeats: 1 };
    if (path) listing.files.push({ path, folder: dirname(path), name: basename(path), meaning });
    else {
      const reason = `${metadataFile} names it, but it is not there`;
      listing.skipped.push({ path: place, code: 'PICTURE_MISSING', reason });
    }
  }
  return listing;
}

/** Captions of the named file: its keys are looked for in the folder of the source. */
async function openNamed(source: PictureSource, metadataFile: string): Promise<MetadataCaptions> {
  const file = { path: metadataFile, folder: source.folder, name: basename(metadataFile) };
  return openMetadata([{ ...file, meaning: { repeats: 1 } }], source.rules, source.folder);
}

interface Sorted {
  pictures: FoundFile[];
  others: FoundFile[];
}

/** Pictures by their names; those that no reader here opens are skipped, and their captions with them. */
function sortByName(files: readonly FoundFile[], captions: Sidecars, skipped: Skip[]): Sorted {
  const sorted: Sorted = { pictures: [], others: [] };
  for (const file of files) {
    const kind = kindOfFile(file.name);
    if (kind === 'picture') sorted.pictures.push(file);
    else if (kind === 'foreign picture') {
      const reason = `${extname(file.name)} cannot be read; save it as PNG or JPEG`;
      skipped.push({ path: file.path, code: 'PICTURE_FORMAT_UNSUPPORTED', reason });
      captions.claim(file);
    } else sorted.others.push(file);
  }
  return sorted;
}

/** Masks that are there but were not asked for are not trained on as pictures either. */
function skipUnasked(masks: ReadonlyMap<string, string>, skipped: Skip[]): void {
  for (const [picture, path] of masks) {
    const reason = `it is the mask of ${basename(picture)}; masks are read with mask = "files"`;
    if (!skipped.some(skip => skip.path === path)) skipped.push({ path, code: 'PICTURE_IS_MASK', reason });
  }
}

/** Lists and sorts the files of a source; opens no picture. */
export async function listSource(source: PictureSource): Promise<SourceFiles> {
  const { folder, rules, metadataFile, isFlat = false, captionEndings = usualEndings } = source;
  const listing = metadataFile
    ? await listNamed(source, metadataFile)
    : await walkFolder(folder, { below: !isFlat });
  const { skipped, warnings } = listing;
  const captions = findSidecars(metadataFile ? [] : listing.files, captionEndings);
  const { pictures: found, others } = sortByName(listing.files, captions, skipped);
  const paired = metadataFile ? { pictures: found, masks: new Map(), spare: [] } : pairMasks(found);
  const { pictures } = paired;
  skipped.push(...paired.spare);
  let { masks } = paired;
  if (rules.mask === 'files' && rules.maskFolder !== undefined) {
    const inFolder = await masksInFolder(rules.maskFolder, pictures);
    warnings.push(...inFolder.warnings);
    masks = inFolder.masks;
  }
  if (rules.mask !== 'files') skipUnasked(masks, skipped);
  const isCaption = captionJudge(captions, found);
  return {
    ...{ source, pictures, captions, skipped, warnings },
    metadata: metadataFile ? await openNamed(source, metadataFile) : await openMetadata(others, rules),
    masks: rules.mask === 'files' ? masks : new Map(),
    ignored: [
      ...listing.hidden,
      ...others.filter(file => !isCaption(file) && !isMetadataName(file.name)).map(({ path }) => path),
    ],
    lostCaptions: () => {
      const lost = new Set(captions.unclaimed());
      return others.filter(file => lost.has(file.path) && isCaption(file)).map(({ path }) => path);
    },
  };
}

/** `.json` is anybody's ending: a file that is named after no picture is not taken for a caption. */
function captionJudge(captions: Sidecars, pictures: readonly FoundFile[]): (file: FoundFile) => boolean {
  const stemPath = ({ folder, name }: FoundFile): string => resolve(folder, stemOf(name));
  const names = new Set(pictures.flatMap(file => [stemPath(file), resolve(file.path)]));
  return file =>
    captions.has(file.path) &&
    (extname(file.name).toLowerCase() !== '.json' || names.has(stemPath(file))) &&
    !isMetadataName(file.name);
}

/** Refuses a source without a picture in it, naming what was left out. */
export function checkHasPictures({ source, pictures, skipped }: SourceFiles, used: number): void {
  if (used > 0) return;
  const { folder } = source;
  if (pictures.length > 0) {
    const message = `none of the ${pictures.length} pictures in ${folder} can be used:\n${describeSkips(skipped)}`;
    throw badInput('DATASET_NO_READABLE', message, 'Mend or replace the pictures.');
  }
  const others = skipped.length > 0 ? `\n${describeSkips(skipped)}` : '';
  const where = source.isFlat ? '' : ' or below it';
  throw badInput(
    'DATASET_EMPTY',
    `no picture in ${folder}${where} (looked for ${pictureExtensions.join(' ')})${others}`,
    'Put JPEG, PNG or WebP pictures into the folder.',
  );
}

function describeSkips(skipped: readonly Skip[]): string {
  const shown = skipped.slice(0, 5).map(skip => `  ${skip.path}: ${skip.reason}`);
  if (skipped.length > shown.length) shown.push(`  and ${skipped.length - shown.length} more`);
  return shown.join('\n');
}
