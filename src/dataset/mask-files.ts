/**
 * @file Tells masks from pictures: `mask/a.png`, `a-masklabel.png` (OneTrainer's name) or `a-mask.png` for a picture
 * `a`, or a picture of the same name in a folder that was named (sd-scripts' `conditioning_data_dir`).
 */
import { basename, dirname, join } from 'node:path';
import { badInput } from '../errors.ts';
import { stemOf } from './caption-files.ts';
import { type DatasetWarning, isSkip, type Skip } from './findings.ts';
import { type FoundFile, walkFolder } from './folder-walk.ts';
import { type Inspect, inspectPicture, kindOfFile } from './inspect.ts';

export interface MaskFile {
  path: string;
  /** sha256 of the file, hex. */
  hash: string;
}

const endings = ['-masklabel', '-mask'];

/** Where the picture of a mask would be, without its extension; undefined for names that no mask has. */
function maskedStem({ folder, name }: FoundFile): string | undefined {
  const stem = stemOf(name);
  if (basename(folder).toLowerCase() === 'mask') return join(dirname(folder), stem);
  const ending = endings.find(end => stem.toLowerCase().endsWith(end));
  return ending === undefined ? undefined : join(folder, stem.slice(0, -ending.length));
}

export interface PairedMasks {
  /** Files that are not the mask of another one. */
  pictures: FoundFile[];
  /** Path of a picture → its mask. */
  masks: ReadonlyMap<string, string>;
  /** Masks beside another mask of the same picture. */
  spare: Skip[];
}

/** Sorts picture files into pictures and their masks. */
export function pairMasks(files: readonly FoundFile[]): PairedMasks {
  const stems = new Map<string, FoundFile[]>();
  const stemPath = ({ folder, name }: FoundFile): string => join(folder, stemOf(name));
  for (const file of files) stems.set(stemPath(file), [...(stems.get(stemPath(file)) ?? []), file]);
  const masks = new Map<string, string>();
  const spare: Skip[] = [];
  const pictures: FoundFile[] = [];
  for (const file of files) {
    const stem = maskedStem(file);
    const masked = (stem !== undefined && stems.get(stem)) || [];
    if (masked.length === 0) pictures.push(file);
    for (const { path } of masked) {
      const other = masks.get(path);
      if (other === undefined) masks.set(path, file.path);
      else spare.push({ path: file.path, code: 'MASK_SPARE', reason: `${path} has the mask ${other}` });
    }
  }
  return { pictures, masks, spare };
}

/** The masks in a folder of their own, by the names of the pictures. */
export async function masksInFolder(
  folder: string,
  pictures: readonly FoundFile[],
): Promise<{ masks: ReadonlyMap<string, string>; warnings: DatasetWarning[] }> {
  const { files } = await walkFolder(folder, { below: false });
  const byStem = new Map(
    files
      .filter(({ name }) => kindOfFile(name) === 'picture')
      .map(({ name, path }) => [stemOf(name), path] as const),
  );
  const masks = new Map<string, string>();
  for (const { path, name } of pictures) {
    const mask = byStem.get(stemOf(name));
    if (mask !== undefined) masks.set(path, mask);
  }
  const used = new Set(masks.values());
  const warnings = [...byStem.values()]
    .filter(path => !used.has(path))
    .map(path => ({ code: 'MASK_WITHOUT_PICTURE', message: `${path} is the mask of no picture`, path }));
  return { masks, warnings };
}

/** Aspect ratios that differ by more are no rounding: mask and picture would not lie on each other. */
const mostAspectError = 0.02;

/** Opens the mask of a picture; a broken one, and one of another shape, is an error. */
export async function inspectMask(
  path: string,
  picture: { path: string; width: number; height: number },
  maxPixels: number,
  inspect: Inspect = inspectPicture,
): Promise<MaskFile> {
  const facts = await inspect(path, { minSide: 1, maxPixels });
  if (isSkip(facts)) throw badInput('MASK_BROKEN', `mask ${path}: ${facts.reason}`, 'Mend or remove it.');
  const { width, height, hash } = facts;
  const error = Math.abs((width * picture.height) / (height * picture.width) - 1);
  if (error <= mostAspectError) return { path, hash };
  const message = `mask ${path} is ${width}x${height}, its picture ${picture.path} ${picture.width}x${picture.height}`;
  throw badInput('MASK_SHAPE', message, 'A mask covers the whole picture: give both the same shape.');
}
