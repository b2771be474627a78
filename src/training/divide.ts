/** @file Which pictures of a run are trained on and which are held out to judge it by. */
import type { DatasetScan, ScannedPicture } from '../dataset/index.ts';
import { type PrepareOptions, scanPictures } from './prepare.ts';
import { readLikenesses, withoutTrained } from './validation/leaks.ts';
import { splitPictures } from './validation/split.ts';

export interface Division {
  readonly training: DatasetScan;
  /** Undefined where the recipe holds nothing out. */
  readonly heldOut?: DatasetScan;
}

const only = (scan: DatasetScan, pictures: readonly ScannedPicture[]): DatasetScan => ({
  ...scan,
  pictures: [...pictures],
});

const pathsOf = (scan: DatasetScan): string[] => scan.pictures.map(({ path }) => path);

async function dividedByShare(
  scan: DatasetScan,
  { recipe, signal, onWarning }: PrepareOptions,
): Promise<Division> {
  const likenesses = await readLikenesses(pathsOf(scan), signal ? { signal } : {});
  const compared = scan.pictures.map(({ path, hash, folder, rules }, i) => ({
    ...{ path, hash, likeness: likenesses[i], subset: folder },
    isRegularisation: rules.isRegularisation,
  }));
  const split = splitPictures(compared, { seed: recipe.seed, share: recipe.validationShare });
  if (split.setAside.length > 0) {
    const names = split.setAside.map(i => scan.pictures[i].path).join(', ');
    const message = `neither trained on nor measured, because a picture like it is held out: ${names}`;
    onWarning?.({ code: 'PICTURES_SET_ASIDE', message });
  }
  const pick = (indices: readonly number[]) => indices.map(i => scan.pictures[i]);
  return { training: only(scan, pick(split.training)), heldOut: only(scan, pick(split.heldOut)) };
}

async function dividedByFolder(
  scan: DatasetScan,
  folder: string,
  options: PrepareOptions,
): Promise<Division> {
  const { signal, onWarning } = options;
  const validation = await scanPictures(folder, {
    ...options,
    recipe: { ...options.recipe, regularisation: [] },
  });
  const readAll = async (part: DatasetScan) => {
    const likenesses = await readLikenesses(pathsOf(part), signal ? { signal } : {});
    return part.pictures.map((picture, i) => ({ ...picture, likeness: likenesses[i] }));
  };
  const { kept, dropped } = withoutTrained(await readAll(validation), await readAll(scan));
  for (const { heldOut, trained, how } of dropped) {
    const message = `${heldOut} is not measured: ${trained}, which is trained on, is ${how}`;
    onWarning?.({ code: 'VALIDATION_PICTURE_TRAINED', message, path: heldOut });
  }
  const paths = new Set(kept.map(({ path }) => path));
  return {
    training: scan,
    heldOut: only(
      validation,
      validation.pictures.filter(({ path }) => paths.has(path)),
    ),
  };
}

/** Divides the pictures of a run as its recipe says. Throws VALIDATION_TOO_FEW, VALIDATION_ALL_TRAINED, VALIDATION_LEAK. */
export async function dividePictures(scan: DatasetScan, options: PrepareOptions): Promise<Division> {
  const { validationShare, validationFolder } = options.recipe;
  if (validationFolder !== null) return dividedByFolder(scan, validationFolder, options);
  return validationShare > 0 ? dividedByShare(scan, options) : { training: scan };
}
