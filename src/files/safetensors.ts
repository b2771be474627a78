/**
 * @file The safetensors format (huggingface/safetensors): 8 bytes header length, a JSON header, one gapless data
 * region. Readers validate the whole header before anything is used and never read more data than asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  bytesPerElement,
  type DType,
  narrowToBfloat,
  narrowToFloat8,
  narrowToHalf,
  type Shape,
  type Tensor,
  widenBfloat,
  widenFloat8,
  widenHalf,
} from '../engine/index.ts';
import { badInput } from '../errors.ts';
import { parseHeader, printable } from './safetensors-header.ts';
import { maxHeaderBytes } from './safetensors-write.ts';

export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Absolute byte offset in the file. */
  readonly offset: number;
  readonly length: number;
}

export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Where the data region starts. */
  readonly dataOffset: number;
  readonly fileSize: number;
  /** The data region, where it is held in memory (`holdContents`). */
  readonly contents?: Uint8Array<ArrayBuffer>;
}

/** First bytes of pickles and of the zip archives that torch.save writes. */
function looksLikePickle(head: Uint8Array): boolean {
  return (
    (head[0] === 0x80 && head[1] <= 5) ||
    (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4)
  );
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw badInput(
      'FILE_UNREADABLE',
      `${path} cannot be opened: ${(cause as Error).message}`,
      undefined,
      cause,
    );
  }
}

/** The length of the header that follows, once it can be believed; `head` are the first bytes of a file, at most 8. */
function headerLength(head: Buffer, path: string, fileSize: number): number {
  if (head.length < 8) {
    const message = `${path} has ${fileSize} bytes; a safetensors file has at least 8`;
    throw badInput('FORMAT_TRUNCATED', message, 'Fetch it again.');
  }
  const headerBytes = head.readBigUInt64LE();
  // A header of 640 bytes begins like a pickle, so the length is asked first.
  const fits = headerBytes <= maxHeaderBytes && 8 + Number(headerBytes) <= fileSize;
  if (!fits && looksLikePickle(head)) {
    const hint = 'Pickle files can run code and are never opened; convert it to .safetensors.';
    throw badInput('FORMAT_PICKLE', `${path} is a pickle or zip file, not safetensors`, hint);
  }
  if (headerBytes > maxHeaderBytes) {
    const message = `${path}: the header claims ${headerBytes} bytes`;
    throw badInput('FORMAT_HEADER', message, 'Is this a safetensors file?');
  }
  if (!fits) {
    const message = `${path}: the header needs ${8n + headerBytes} bytes, the file has ${fileSize}`;
    throw badInput('FORMAT_TRUNCATED', message, 'The download is incomplete; fetch it again.');
  }
  return Number(headerBytes);
}

function described(path: string, header: Uint8Array, fileSize: number): SafetensorsFile {
  const dataOffset = 8 + header.length;
  const { metadata, tensors } = parseHeader(header, path, fileSize - dataOffset);
  const entries = new Map<string, TensorEntry>();
  for (const { name, dtype, shape, start, end } of tensors) {
    entries.set(name, { name, dtype, shape, offset: dataOffset + start, length: end - start });
  }
  return { path, metadata, tensors: entries, dataOffset, fileSize };
}

/** Reads what is there of `length` bytes. */
function readUpTo(file: number, length: number, position: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Opens a file: reads and checks its header only. Throws FORMAT_* errors that name file, tensor and numbers. */
export function openSafetensors(path: string): SafetensorsFile {
  const file = openForReading(path);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile())
      throw badInput('FILE_UNREADABLE', `${path} is not a file`, 'Give a .safetensors file.');
    const length = headerLength(readUpTo(file, 8, 0), path, facts.size);
    return described(path, readUpTo(file, length, 8), facts.size);
  } finally {
    closeSync(file);
  }
}

/** The same of a file that is in memory; `path` is what errors call it. */
export function parseSafetensors(bytes: Uint8Array, path: string): SafetensorsFile {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = headerLength(file.subarray(0, 8), path, file.length);
  return described(path, file.subarray(8, 8 + length), file.length);
}

/** Bytes of a file; throws FORMAT_TRUNCATED with `what` in it when the file ends before. */
export function readRange(
  { path, offset, length }: { readonly path: string; readonly offset: number; readonly length: number },
  what: string,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const handle = openForReading(path);
  try {
    for (let done = 0; done < length; ) {
      const count = readSync(handle, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
      if (count === 0) throw badInput('FORMAT_TRUNCATED', `${path} ends inside ${what}`, 'Fetch it again.');
      done += count;
    }
  } finally {
    closeSync(handle);
  }
  return bytes;
}

/**
 * The file with its data read at once, for those whose tensors are all wanted: no system calls for each of them, and
 * float32 tensors are views of it, which nobody may write to.
 */
export function holdContents(file: SafetensorsFile): SafetensorsFile {
  const { path, dataOffset: offset, fileSize } = file;
  const contents = readRange({ path, offset, length: fileSize - offset }, 'its data');
  return { ...file, contents };
}

/** The bytes of a tensor where its numbers can be looked at; in place where the file is held and they are aligned. */
function bytesInPlace(file: SafetensorsFile, name: string): Uint8Array<ArrayBuffer> {
  const { contents, dataOffset, tensors } = file;
  const entry = tensors.get(name);
  if (!contents || !entry) return readTensorBytes(file, name);
  const start = entry.offset - dataOffset;
  const bytes = contents.subarray(start, start + entry.length);
  return start % 8 === 0 || start % bytesPerElement[entry.dtype] === 0 ? bytes : bytes.slice();
}

/** The raw little-endian bytes of one tensor. */
export function readTensorBytes(file: SafetensorsFile, name: string): Uint8Array<ArrayBuffer> {
  const entry = file.tensors.get(name);
  if (!entry) throw badInput('FORMAT_NO_TENSOR', `${file.path} has no tensor ${printable(name)}`);
  return readRange({ ...entry, path: file.path }, `tensor ${printable(name)}`);
}

function widen(bytes: Uint8Array<ArrayBuffer>, dtype: DType, where: string): Float32Array {
  const { buffer, byteOffset: start, byteLength } = bytes;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, start, byteLength / 4);
    case 'float16':
      return widenHalf(new Uint16Array(buffer, start, byteLength / 2));
    case 'bfloat16':
      return widenBfloat(new Uint16Array(buffer, start, byteLength / 2));
    case 'float8_e4m3':
    case 'float8_e5m2':
      return widenFloat8(bytes, dtype);
    case 'float64':
      return Float32Array.from(new Float64Array(buffer, start, byteLength / 8));
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer, start, byteLength / 8), Number);
    case 'int32':
      return Float32Array.from(new Int32Array(buffer, start, byteLength / 4));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer, start, byteLength / 2));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer, start, byteLength));
    case 'uint8':
    case 'bool':
      return Float32Array.from(bytes);
    default:
      throw badInput('FORMAT_DTYPE', `${where} is ${dtype}, which is not read as numbers here`);
  }
}

/** One tensor, widened to float32. */
export function readTensor(file: SafetensorsFile, name: string): Tensor {
  const bytes = bytesInPlace(file, name);
  const { dtype, shape } = file.tensors.get(name) as TensorEntry;
  return { shape, data: widen(bytes, dtype, `${file.path}: ${name}`) };
}

export type FloatDType = 'float32' | 'float16' | 'bfloat16';

/** What weights are written as. */
export type WeightDType = FloatDType | 'float8_e4m3' | 'float8_e5m2';

function narrow(data: Float32Array, dtype: WeightDType): Float32Array | Uint16Array | Uint8Array {
  switch (dtype) {
    case 'float32':
      return data;
    case 'float16':
      return narrowToHalf(data);
    case 'bfloat16':
      return narrowToBfloat(data);
    case 'float8_e4m3':
    case 'float8_e5m2':
      return narrowToFloat8(data, dtype);
  }
}

/** The bytes of a tensor in a narrower (or the same) float type. */
export function floatTensorBytes({ data }: Tensor, dtype: WeightDType): Uint8Array {
  const { buffer, byteOffset, byteLength } = narrow(data, dtype);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
