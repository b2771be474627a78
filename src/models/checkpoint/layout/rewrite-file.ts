/** @file A weight file again under its own names, with some weights changed; what is not is copied byte for byte. */
import {
  type AddableDType,
  addRounded,
  bytesPerElement,
  elementCount,
  isAddable,
  type Shape,
} from '../../../engine/index.ts';
import { badInput } from '../../../errors.ts';
import {
  floatTensorBytes,
  type HashKey,
  hashKeys,
  openRangeReader,
  openSafetensors,
  type RangeReader,
  readTensor,
  type SafetensorsFile,
  type StreamedTensor,
  type TensorData,
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
  /** What is added to one of them, in one or more runs of its numbers; `base` reads them as they are. */
  readonly change: (name: string, shape: Shape, base: () => Float32Array) => AsyncIterable<Addition>;
  /** What a file's metadata become; hashes in them are computed again. */
  readonly metadata: (file: SafetensorsFile) => NewMetadata;
}

/** Numbers to add to those of a weight or tensor from `start` on; good until the next are asked for. */
export interface Addition {
  readonly start: number;
  readonly numbers: Float32Array;
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

async function whole(parts: AsyncIterable<Addition>, length: number): Promise<Float32Array> {
  const all = new Float32Array(length);
  for await (const { start, numbers } of parts) all.set(numbers, start);
  return all;
}

/** What is added to a tensor: a piece of it, or several, in the order of the file. */
async function* additions(
  { file, changes }: FilePlan,
  { name, shape }: StreamedTensor,
  { change }: RewriteOptions,
): AsyncGenerator<Addition> {
  let read: Float32Array | undefined;
  const pieces = [...(changes.get(name) as readonly FilePiece[])];
  for (const piece of pieces.sort((a, b) => (a.third ?? 0) - (b.third ?? 0))) {
    const length = elementCount(piece.shape);
    const start = (piece.third ?? 0) * length;
    const base = (): Float32Array => {
      read ??= readTensor(file, name).data;
      const own = read.subarray(start, start + length);
      return piece.turned ? transposed(own, shape) : own;
    };
    const parts = change(piece.weight, piece.shape, base);
    if (piece.turned) yield { start, numbers: transposed(await whole(parts, length), piece.shape) };
    else for await (const part of parts) yield { start: start + part.start, numbers: part.numbers };
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

/** Bytes that are copied at once. */
const blockBytes = 2 ** 20;

async function* copied(reader: RangeReader, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += blockBytes) yield reader.read(at, Math.min(blockBytes, to - at));
}

/** Added where the bytes lie, when the type stays: each number is read and written once. */
async function* addedInPlace(
  plan: FilePlan,
  tensor: StreamedTensor & { readonly dtype: AddableDType },
  reader: RangeReader,
  options: RewriteOptions,
): AsyncGenerator<Uint8Array> {
  const { dtype, name } = tensor;
  const { offset, length } = plan.file.tensors.get(name) as TensorEntry;
  const size = bytesPerElement[dtype];
  let done = offset;
  for await (const { start, numbers } of additions(plan, tensor, options)) {
    const from = offset + start * size;
    yield* copied(reader, done, from);
    const own = reader.read(from, numbers.length * size);
    const at = addRounded(own, dtype, numbers);
    if (at >= 0) refuse(plan.file, tensor, dtype, { at: start + at, added: numbers[at] });
    yield own;
    done = from + own.length;
  }
  yield* copied(reader, done, offset + length);
}

/** Added in float32 and rounded, when the type changes. */
async function addedAndRounded(
  plan: FilePlan,
  tensor: StreamedTensor,
  options: RewriteOptions,
): Promise<Uint8Array> {
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

function dataOf(
  plan: FilePlan,
  tensor: StreamedTensor,
  reader: RangeReader,
  options: RewriteOptions,
): TensorData {
  const { file, changes } = plan;
  const { name, dtype, shape } = tensor;
  const entry = file.tensors.get(name) as TensorEntry;
  const isSame = entry.dtype === dtype;
  if (changes.has(name))
    return isSame && isAddable(dtype)
      ? addedInPlace(plan, { ...tensor, dtype }, reader, options)
      : addedAndRounded(plan, tensor, options);
  if (!isSame && isWeightDType(dtype))
    return rounded(readTensor(file, name).data, shape, dtype, `${file.path}: ${name}`);
  return copied(reader, entry.offset, entry.offset + entry.length);
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
  const reader = openRangeReader(plan.file.path);
  const make = (tensor: StreamedTensor): TensorData => dataOf(plan, tensor, reader, options);
  try {
    await streamAligned(out, plan.tensors, make, entries, advance, { hashes, late });
  } finally {
    reader.close();
  }
}
