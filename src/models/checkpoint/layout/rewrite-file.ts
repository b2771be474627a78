/** @file A weight file again under its own names, with some weights changed; what is not is copied byte for byte. */
import type { Shape } from '../../../engine/index.ts';
import { badInput } from '../../../errors.ts';
import {
  floatTensorBytes,
  type HashKey,
  hashKeys,
  openSafetensors,
  readTensor,
  readTensorBytes,
  type SafetensorsFile,
  type StreamedTensor,
  type TensorEntry,
  type WeightDType,
} from '../../../files/index.ts';
import { transposed } from '../single/stored-weights.ts';
import type { ConvertOptions } from './conversion.ts';
import type { FilePiece, PiecesOfFile } from './file-pieces.ts';
import { firstOutside, isWeightDType, rounded } from './laid-bytes.ts';
import { isWeightIn } from './retype.ts';
import { type Advance, bytesOf, streamAligned } from './write-tensors.ts';

type Metadata = SafetensorsFile['metadata'];

export interface RewriteOptions extends Omit<ConvertOptions, 'parts'> {
  /** Weights that change, with their part in front: `unet.conv_in.weight`. */
  readonly changed: ReadonlySet<string>;
  /** New numbers for one of them; those that are given may be overwritten and returned. */
  readonly change: (
    name: string,
    shape: Shape,
    numbers: Float32Array,
  ) => Promise<Float32Array> | Float32Array;
  /** What a file's metadata become; hashes in them are computed again. */
  readonly metadata: (file: SafetensorsFile) => NewMetadata;
}

export interface NewMetadata {
  readonly entries: Metadata;
  /** Entries that are known only when all else is written; those that stand in for them are as long. */
  readonly late?: () => Promise<Metadata>;
}

export interface FilePlan {
  readonly file: SafetensorsFile;
  readonly tensors: readonly StreamedTensor[];
  readonly bytes: number;
  /** Pieces that change, by the tensor they are in. */
  readonly changes: PiecesOfFile;
}

/** What a file becomes: every tensor stays, weights get the asked type. */
export function planFile(path: string, pieces: PiecesOfFile, { changed, dtype }: RewriteOptions): FilePlan {
  const file = openSafetensors(path);
  const used = new Set(pieces.keys());
  const changes = new Map(
    [...pieces]
      .map(([name, all]) => [name, all.filter(({ weight }) => changed.has(weight))] as const)
      .filter(([, all]) => all.length > 0),
  );
  const typeOf = (entry: TensorEntry): StreamedTensor['dtype'] => {
    if (dtype && isWeightIn(entry, used)) return dtype;
    return changes.has(entry.name) && !isWeightDType(entry.dtype) ? 'float32' : entry.dtype;
  };
  const tensors = [...file.tensors.values()].map(entry => ({
    name: entry.name,
    shape: entry.shape,
    dtype: typeOf(entry),
  }));
  return { file, tensors, bytes: bytesOf(tensors), changes };
}

/** The numbers of a tensor once its pieces have changed. */
async function changedNumbers(
  { file, changes }: FilePlan,
  { name, shape }: StreamedTensor,
  { change }: RewriteOptions,
): Promise<Float32Array> {
  const numbers = readTensor(file, name).data;
  for (const piece of changes.get(name) as readonly FilePiece[]) {
    const { third, turned, weight } = piece;
    const length = third === undefined ? numbers.length : numbers.length / 3;
    const own = numbers.subarray((third ?? 0) * length, ((third ?? 0) + 1) * length);
    const given = turned ? transposed(own, shape) : own;
    const result = await change(weight, piece.shape, given);
    if (turned) own.set(transposed(result, piece.shape));
    else if (result !== own) own.set(result);
  }
  return numbers;
}

/** Throws CHECKPOINT_NOT_FINITE for a number that was none before the change, WEIGHT_TOO_LARGE for one that became so. */
function refuseOutside(
  file: SafetensorsFile,
  { name }: StreamedTensor,
  dtype: WeightDType,
  { value, at }: { readonly value: number; readonly at: number },
): never {
  const before = readTensor(file, name).data[at];
  if (!Number.isFinite(before)) {
    const message = `${file.path}: ${name} holds ${before} at ${at}`;
    throw badInput('CHECKPOINT_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
  }
  const message = `${name} would become ${value} at ${at} (it is ${before} in ${file.path}), which ${dtype} cannot hold`;
  throw badInput('WEIGHT_TOO_LARGE', message, 'Use a lower strength, or write bfloat16 or float32.');
}

async function tensorBytes(
  plan: FilePlan,
  tensor: StreamedTensor,
  options: RewriteOptions,
): Promise<Uint8Array> {
  const { file, changes } = plan;
  const { name, dtype, shape } = tensor;
  const entry = file.tensors.get(name) as TensorEntry;
  if (!changes.has(name)) {
    if (entry.dtype === dtype || !isWeightDType(dtype)) return readTensorBytes(file, name);
    return rounded(readTensor(file, name).data, shape, dtype, `${file.path}: ${name}`);
  }
  const type = dtype as WeightDType;
  const data = await changedNumbers(plan, tensor, options);
  const at = firstOutside(data, type);
  if (at >= 0) refuseOutside(file, tensor, type, { value: data[at], at });
  return floatTensorBytes({ shape, data }, type);
}

/** Writes what was planned. */
export async function rewriteFile(
  plan: FilePlan,
  out: string,
  options: RewriteOptions,
  advance: Advance,
): Promise<void> {
  const { entries, late } = options.metadata(plan.file);
  const hashes = (Object.keys(hashKeys) as HashKey[]).filter(key => Object.hasOwn(entries, key));
  const make = (tensor: StreamedTensor): Promise<Uint8Array> => tensorBytes(plan, tensor, options);
  await streamAligned(out, plan.tensors, make, entries, advance, { hashes, ...(late ? { late } : {}) });
}
