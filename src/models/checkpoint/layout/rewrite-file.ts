/** @file A weight file again under its own names, with some weights changed; what is not is copied byte for byte. */
import { addRounded, elementCount, isAddable, type Shape } from '../../../engine/index.ts';
import { badInput } from '../../../errors.ts';
import {
  floatTensorBytes,
  type HashKey,
  hashKeys,
  openSafetensors,
  openTensorReader,
  readTensor,
  type SafetensorsFile,
  type StreamedTensor,
  type TensorEntry,
  type TensorReader,
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
  /** What is added to one of them; `base` reads its numbers as they are. */
  readonly change: (
    name: string,
    shape: Shape,
    base: () => Float32Array,
  ) => Promise<Float32Array | undefined>;
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

/** Numbers to add to those of a tensor from `start` on, in its order. */
interface Addition {
  readonly start: number;
  readonly numbers: Float32Array;
}

/** What is added to a tensor: a piece of it, or several, in the order of the file. */
async function* additions(
  { file, changes }: FilePlan,
  { name, shape }: StreamedTensor,
  { change }: RewriteOptions,
): AsyncGenerator<Addition> {
  let read: Float32Array | undefined;
  for (const piece of changes.get(name) as readonly FilePiece[]) {
    const length = elementCount(piece.shape);
    const start = (piece.third ?? 0) * length;
    const base = (): Float32Array => {
      read ??= readTensor(file, name).data;
      const own = read.subarray(start, start + length);
      return piece.turned ? transposed(own, shape) : own;
    };
    const numbers = await change(piece.weight, piece.shape, base);
    if (numbers) yield { start, numbers: piece.turned ? transposed(numbers, piece.shape) : numbers };
  }
}

/** Throws CHECKPOINT_NOT_FINITE for a number that was none before, WEIGHT_TOO_LARGE for one that became so. */
function refuse(
  file: SafetensorsFile,
  { name }: StreamedTensor,
  dtype: WeightDType,
  { at, added }: { readonly at: number; readonly added: number },
): never {
  const before = readTensor(file, name).data[at];
  if (!Number.isFinite(before)) {
    const message = `${file.path}: ${name} holds ${before} at ${at}`;
    throw badInput('CHECKPOINT_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
  }
  const message = `${name} would become ${before + added} at ${at} (it is ${before} in ${file.path}), which ${dtype} cannot hold`;
  throw badInput('WEIGHT_TOO_LARGE', message, 'Use a lower strength, or write bfloat16 or float32.');
}

/** Added where the bytes lie, when the type stays: each number is read and written once. */
async function addedInPlace(
  plan: FilePlan,
  tensor: StreamedTensor,
  reader: TensorReader,
  options: RewriteOptions,
) {
  const { dtype, name } = tensor;
  const size = (plan.file.tensors.get(name) as TensorEntry).length / elementCount(tensor.shape);
  let bytes: Uint8Array | undefined;
  for await (const { start, numbers } of additions(plan, tensor, options)) {
    bytes ??= reader.bytes(name);
    const own = bytes.subarray(start * size, (start + numbers.length) * size);
    const at = isAddable(dtype) ? addRounded(own, dtype, numbers) : -1;
    if (at >= 0) refuse(plan.file, tensor, dtype as WeightDType, { at: start + at, added: numbers[at] });
  }
  return bytes ?? reader.bytes(name);
}

/** Added in float32 and rounded, when the type changes. */
async function addedAndRounded(plan: FilePlan, tensor: StreamedTensor, options: RewriteOptions) {
  const { file } = plan;
  const { name, shape } = tensor;
  const dtype = tensor.dtype as WeightDType;
  const { data } = readTensor(file, name);
  for await (const { start, numbers } of additions(plan, tensor, options))
    for (let i = 0; i < numbers.length; i++) data[start + i] += numbers[i];
  const at = firstOutside(data, dtype);
  if (at >= 0) refuse(file, tensor, dtype, { at, added: data[at] - readTensor(file, name).data[at] });
  return floatTensorBytes({ shape, data }, dtype);
}

async function tensorBytes(
  plan: FilePlan,
  tensor: StreamedTensor,
  reader: TensorReader,
  options: RewriteOptions,
) {
  const { file, changes } = plan;
  const { name, dtype, shape } = tensor;
  const isSame = (file.tensors.get(name) as TensorEntry).dtype === dtype;
  if (changes.has(name))
    return isSame && isAddable(dtype)
      ? addedInPlace(plan, tensor, reader, options)
      : addedAndRounded(plan, tensor, options);
  if (isSame || !isWeightDType(dtype)) return reader.bytes(name);
  return rounded(readTensor(file, name).data, shape, dtype, `${file.path}: ${name}`);
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
  const reader = openTensorReader(plan.file);
  const make = (tensor: StreamedTensor): Promise<Uint8Array> => tensorBytes(plan, tensor, reader, options);
  try {
    await streamAligned(out, plan.tensors, make, entries, advance, { hashes, late });
  } finally {
    reader.close();
  }
}
