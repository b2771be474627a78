/** @file Whether something that is measured was trained on: the same file, or a picture that shows nearly the same. */
import { readFile } from 'node:fs/promises';
import { comparePictures, describeLikeness, type Likeness, mapInOrder } from '../../dataset/index.ts';
import { badInput, LoraError } from '../../errors.ts';

export interface ComparedPicture {
  readonly path: string;
  /** sha256 of the file, hex. */
  readonly hash: string;
  readonly likeness: Likeness;
}

export interface Leak {
  readonly trained: string;
  readonly heldOut: string;
  readonly how: 'the same file' | 'nearly the same picture';
}

function howAlike(a: ComparedPicture, b: ComparedPicture): Leak['how'] | undefined {
  if (a.hash === b.hash) return 'the same file';
  return comparePictures(a.likeness, b.likeness) ? 'nearly the same picture' : undefined;
}

/** Every held-out picture that is like a trained one, with the first that it is like. Indices into `pictures`. */
export function findLeaks(
  pictures: readonly ComparedPicture[],
  { training, heldOut }: { readonly training: readonly number[]; readonly heldOut: readonly number[] },
): Leak[] {
  return heldOut.flatMap(out => {
    for (const index of training) {
      // In the order in which pictures are grouped.
      const how = howAlike(pictures[Math.min(index, out)], pictures[Math.max(index, out)]);
      if (how) return [{ trained: pictures[index].path, heldOut: pictures[out].path, how }];
    }
    return [];
  });
}

/** Throws VALIDATION_LEAK, naming both pictures, where something held out is trained on. */
export function assertNoLeak(
  pictures: readonly ComparedPicture[],
  sides: { readonly training: readonly number[]; readonly heldOut: readonly number[] },
): void {
  const [leak] = findLeaks(pictures, sides);
  if (!leak) return;
  const message = `${leak.heldOut} is held out, but ${leak.trained}, which is trained on, is ${leak.how}`;
  throw new LoraError('VALIDATION_LEAK', message, {
    hint: 'What is measured must not be trained on; remove one of them.',
    exit: 'badInput',
  });
}

export interface CleanFolder<Picture> {
  readonly kept: readonly Picture[];
  /** Those that are left out, each with what it is like. */
  readonly dropped: readonly Leak[];
}

/**
 * A validation folder without what is trained on. Throws VALIDATION_ALL_TRAINED where nothing is left; its pictures
 * that are like each other are all kept: they are the user's choice.
 */
export function withoutTrained<Picture extends ComparedPicture>(
  validation: readonly Picture[],
  training: readonly ComparedPicture[],
): CleanFolder<Picture> {
  const all = [...training, ...validation];
  const heldOut = validation.map((_, i) => training.length + i);
  const dropped = findLeaks(all, { training: training.map((_, i) => i), heldOut });
  const gone = new Set(dropped.map(leak => leak.heldOut));
  const kept = validation.filter(({ path }) => !gone.has(path));
  if (kept.length > 0) return { kept, dropped };
  const [first] = dropped;
  const message =
    first === undefined
      ? 'the validation folder has no picture'
      : `all ${validation.length} pictures of the validation folder are trained on; ${first.heldOut} is ${first.how} as ${first.trained}`;
  throw badInput('VALIDATION_ALL_TRAINED', message, 'Give pictures that are not in the training folder.');
}

/** Pictures are decoded so many at a time. */
const sideBySide = 4;

async function readLikeness(path: string): Promise<Likeness> {
  try {
    return await describeLikeness(await readFile(path));
  } catch (cause) {
    throw badInput(
      'FILE_UNREADABLE',
      `${path} cannot be read: ${(cause as Error).message}`,
      undefined,
      cause,
    );
  }
}

/** What pictures are compared by, read from their files, in the same order. */
export async function readLikenesses(
  paths: readonly string[],
  {
    signal,
    onProgress,
  }: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
): Promise<Likeness[]> {
  let done = 0;
  return mapInOrder(paths, sideBySide, async path => {
    signal?.throwIfAborted();
    const likeness = await readLikeness(path);
    onProgress?.(++done);
    return likeness;
  });
}
