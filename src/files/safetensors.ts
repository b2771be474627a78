/**
 * @file The safetensors format (huggingface/safetensors): 8 bytes header length, a JSON header, one gapless data
 * region. Readers validate the whole header before anything is used and never read more data than asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  bytesPerElement,
  type DType,
  elementCount,
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
import { dtypeNames } from './safetensors-dtypes.ts';
import { parseHeader } from './safetensors-header.ts';

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
}

const maxHeaderBytes = 100_000_000;

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

/** The length of the header of an open file, once it can be believed. */
function readHeaderLength(file: number, path: string, fileSize: number): number {
  const head = Buffer.alloc(8);
  if (readSync(file, head, 0, 8, 0) < 8) {
    const message = `${path} has ${fileSize} bytes; a safetensors file has at least 8`;
    throw badInput('FORMAT_TRUNCATED', message, 'Fetch it again.');
  }
  const headerBytes = Number(head.readBigUInt64LE());
  // A header of 640 bytes begins like a pickle, so the length is asked first.
  const fits = headerBytes <= maxHeaderBytes && 8 + headerBytes <= fileSize;
  if (!fits && looksLikePickle(head)) {
    const hint = 'Pickle files can run code and are never opened; convert it to .safetensors.';
    throw badInput('FORMAT_PICKLE', `${path} is a pickle or zip file, not safetensors`, hint);
  }
  if (headerBytes > maxHeaderBytes) {
    const message = `${path}: the header claims ${headerBytes} bytes`;
    throw badInput('FORMAT_HEADER', message, 'Is this a safetensors file?');
  }
  if (!fits) {
    const message = `${path}: the header needs ${8 + headerBytes} bytes, the file has ${fileSize}`;
    throw badInput('FORMAT_TRUNCATED', message, 'The download is incomplete; fetch it again.');
  }
  return headerBytes;
}

/** Opens a file: reads and checks its header only. Throws FORMAT_* errors that name file, tensor and numbers. */
export function openSafetensors(path: string): SafetensorsFile {
  const file = openForReading(path);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile())
      throw badInput('FILE_UNREADABLE', `${path} is not a file`, 'Give a .safetensors file.');
    const headerBytes = readHeaderLength(file, path, facts.size);
    const text = Buffer.alloc(headerBytes);
    readSync(file, text, 0, headerBytes, 8);
    const dataOffset = 8 + headerBytes;
    const header = parseHeader(text, path, facts.size - dataOffset);
    const tensors = new Map<string, TensorEntry>();
    for (const { name, dtype, shape, start, end } of header.tensors) {
      tensors.set(name, { name, dtype, shape, offset: dataOffset + start, length: end - start });
    }
    return { path, metadata: header.metadata, tensors, dataOffset, fileSize: facts.size };
  } finally {
    closeSync(file);
  }
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

/** The raw little-endian bytes of one tensor. */
export function readTensorBytes(file: SafetensorsFile, name: string): Uint8Array<ArrayBuffer> {
  const entry = file.tensors.get(name);
  if (!entry) throw badInput('FORMAT_NO_TENSOR', `${file.path} has no tensor ${name}`);
  return readRange({ ...entry, path: file.path }, `tensor ${name}`);
}

function widen(bytes: Uint8Array<ArrayBuffer>, dtype: DType, where: string): Float32Array {
  const { buffer } = bytes;
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float16':
      return widenHalf(new Uint16Array(buffer));
    case 'bfloat16':
      return widenBfloat(new Uint16Array(buffer));
    case 'float8_e4m3':
    case 'float8_e5m2':
      return widenFloat8(bytes, dtype);
    case 'float64':
      return Float32Array.from(new Float64Array(buffer));
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return Float32Array.from(new Int32Array(buffer));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer));
    case 'uint8':
    case 'bool':
      return Float32Array.from(bytes);
    default:
      throw badInput('FORMAT_DTYPE', `${where} is ${dtype}, which is not read as numbers here`);
  }
}

/** One tensor, widened to float32. */
export function readTensor(file: SafetensorsFile, name: string): Tensor {
  const bytes = readTensorBytes(file, name);
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

export interface WritableTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A whole file in memory, canonical: larger elements first, then by name; header padded to 8 bytes. */
export function serializeSafetensors(
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = [...tensors].sort(
    (a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype] || compareText(a.name, b.name),
  );
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let position = 0;
  for (const { name, dtype, shape, bytes } of sorted) {
    if (bytes.length !== elementCount(shape) * bytesPerElement[dtype]) {
      throw new RangeError(`${name}: [${shape}] of ${dtype} does not take ${bytes.length} bytes`);
    }
    header[name] = { dtype: dtypeNames[dtype], shape, data_offsets: [position, position + bytes.length] };
    position += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + headerBytes + position).fill(0x20, 8, 8 + headerBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.set(json, 8);
  let offset = 8 + headerBytes;
  for (const { bytes } of sorted) {
    out.set(bytes, offset);
    offset += bytes.length;
  }
  return out;
}
