/** @file Reads every byte of a checkpoint: whether all weights are numbers, and what the files hash to. */
import { setImmediate } from 'node:timers/promises';
import { badInput } from '../../errors.ts';
import { hashFile, isFolder, openSafetensors, type SafetensorsFile } from '../../files/index.ts';
import { type OpenOptions, openCheckpoint, partList } from './checkpoint.ts';
import { type BadWeight, examineWeights, type NamedPlace } from './finite.ts';
import { listSome } from './shape-check.ts';
import { recognise } from './single/open.ts';

export interface VerifyOptions {
  readonly parts?: OpenOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, allBytes: number) => void;
}

export interface Verified {
  readonly tensors: number;
  readonly bytes: number;
  /** File → sha256, as sites list it. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** Weight files of a checkpoint, once its structure has been checked. */
function filesOf(path: string, parts: OpenOptions): SafetensorsFile[] {
  if (!isFolder(path)) return [recognise(path, parts.prediction).file];
  const paths = partList(openCheckpoint(path, parts)).flatMap(({ files }) => files);
  return paths.map(openSafetensors);
}

function report(bad: readonly BadWeight[]): void {
  const of = (why: BadWeight['why']): string[] =>
    bad
      .filter(one => one.why === why)
      .map(({ path, name, at }) => (why === 'zeros' ? `${path}: ${name}` : `${path}: ${name} at ${at}`));
  const [broken, zeros] = [of('not finite'), of('zeros')];
  if (broken.length > 0)
    throw badInput(
      'CHECKPOINT_NOT_FINITE',
      `${broken.length} tensors hold NaN or infinity: ${listSome(broken)}`,
      'The checkpoint is damaged; fetch it again.',
    );
  if (zeros.length > 0)
    throw badInput(
      'CHECKPOINT_ZEROS',
      `${zeros.length} tensors hold nothing but zeros: ${listSome(zeros)}`,
      'A download that stopped leaves such holes; fetch it again.',
    );
}

/** Throws what openCheckpoint throws, CHECKPOINT_NOT_FINITE with every tensor that holds NaN, CHECKPOINT_ZEROS with empty ones. */
export async function verifyCheckpoint(
  path: string,
  { parts = {}, signal, onProgress }: VerifyOptions = {},
): Promise<Verified> {
  const files = filesOf(path, parts);
  const places = files.flatMap(({ path, tensors }) =>
    [...tensors.values()].map((entry): NamedPlace => ({ ...entry, path, neverZero: entry.shape.length > 1 })),
  );
  // Each byte is read twice: for what is in it, and for the hash.
  const bytes = places.reduce((sum, { length }) => sum + length, 0);
  const bad: BadWeight[] = [];
  let done = 0;
  let index = 0;
  for (const found of examineWeights(places)) {
    if (found) bad.push(found);
    done += places[index++].length;
    onProgress?.(done, 2 * bytes);
    // Lets Ctrl-C in.
    await setImmediate();
    signal?.throwIfAborted();
  }
  report(bad);
  const sha256: Record<string, string> = {};
  for (const { path } of files) {
    sha256[path] = await hashFile(path, 0, read => {
      signal?.throwIfAborted();
      done += read;
      onProgress?.(Math.min(done, 2 * bytes), 2 * bytes);
    });
  }
  return { tensors: places.length, bytes, sha256 };
}
