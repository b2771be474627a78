/**
 * @file The one validator of safetensors headers: nothing is believed before all of it is checked. It accepts what
 * the safetensors library accepts (test/hostile/safetensors-corpus.test.ts), but for what docs/formats/safetensors.md
 * names under "stricter".
 */
import { bytesPerElement, type DType } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import { dtypeByName } from './safetensors-dtypes.ts';
import { type Json, type JsonObject, readJson } from './safetensors-json.ts';

export interface HeaderTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: number[];
  readonly start: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Record<string, string>;
  /** In the order of their data. */
  readonly tensors: HeaderTensor[];
}

type Fail = (code: string, why: string, hint?: string) => never;

const damaged = 'The file is damaged or was not made by a safe writer.';

/** A name as it can be printed: control characters and endless names are for no terminal. */
export function printable(name: string): string {
  const short = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return /^[\x20-\x7e\xa0-\u{10ffff}]+$/u.test(short) ? short : JSON.stringify(short);
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && 'members' in value;

function readObject(bytes: Uint8Array, path: string): JsonObject {
  const hint = 'Is this a safetensors file? If it is, it is damaged; fetch it again.';
  let json: Json;
  try {
    json = readJson(bytes);
  } catch (cause) {
    const why = (cause as Error).message;
    throw badInput('FORMAT_HEADER', `${path}: the header is not valid JSON: ${why}`, hint, cause);
  }
  if (!isObject(json)) throw badInput('FORMAT_HEADER', `${path}: the header is no JSON object`, hint);
  return json;
}

/** Of a name that comes twice the last counts, as everywhere. */
function checkMetadata(values: readonly Json[], path: string): Record<string, string> {
  const fail = (why: string): never => {
    throw badInput('FORMAT_METADATA', `${path}: __metadata__ ${why}`, damaged);
  };
  if (values.length > 1) fail('comes twice');
  const [value = null] = values;
  if (value === null) return {};
  if (!isObject(value)) return fail('is no object');
  const odd = value.members.find(([, text]) => typeof text !== 'string');
  if (odd) fail(`holds something other than text: ${printable(odd[0])}`);
  return Object.fromEntries(value.members as [string, string][]);
}

/** The parts of a description: named, or (so does the library) in their order. */
function partsOf(value: Json, fail: Fail): { dtype: Json; shape: Json; offsets: Json } {
  const names = ['dtype', 'shape', 'data_offsets'];
  if (Array.isArray(value) && value.length === names.length) {
    const [dtype, shape, offsets] = value as Json[];
    return { dtype, shape, offsets };
  }
  if (!isObject(value)) return fail('FORMAT_HEADER', 'has no description');
  const [dtype, shape, offsets] = names.map(name => {
    const found = value.members.filter(([key]) => key === name);
    if (found.length !== 1)
      return fail('FORMAT_HEADER', `has ${found.length === 0 ? 'no' : 'more than one'} ${name}`);
    return found[0][1];
  });
  return { dtype, shape, offsets };
}

/** A name, or (so does the library) an object of this one name with null. */
function dtypeOf(value: Json, fail: Fail): DType {
  const isWrapped =
    value !== null && isObject(value) && value.members.length === 1 && value.members[0][1] === null;
  const name = isWrapped ? value.members[0][0] : value;
  const dtype = typeof name === 'string' ? dtypeByName.get(name) : undefined;
  const shown = typeof name === 'string' ? printable(name) : 'that is no text';
  return dtype ?? fail('FORMAT_DTYPE', `has the unknown dtype ${shown}`);
}

const isIndex = (value: Json): value is number => typeof value === 'number' && value >= 0;

function shapeOf(value: Json, fail: Fail): number[] {
  if (!Array.isArray(value)) return fail('FORMAT_SHAPE', 'has no shape');
  const wrong = (value as Json[]).findIndex(size => !isIndex(size));
  if (wrong >= 0) {
    const shown = typeof value[wrong] === 'object' ? 'no whole number' : String(value[wrong]);
    return fail('FORMAT_SHAPE', `has a size that cannot be: axis ${wrong} is ${shown}`);
  }
  return value as number[];
}

function offsetsOf(value: Json, fail: Fail): [start: number, end: number] {
  const isPair = Array.isArray(value) && value.length === 2;
  if (isPair && value.every(isIndex)) return value as [number, number];
  const shown = isPair ? value.map(x => (typeof x === 'object' ? '?' : String(x))).join() : '?';
  return fail('FORMAT_OFFSETS', `has offsets that cannot be: ${shown}`);
}

/** Bits that a shape takes, counted as the library counts them: in 64 bits, each product on the way too. */
function largeBits(shape: readonly number[], dtype: DType): number | undefined {
  let count = 1n;
  for (const size of [...shape, 8 * bytesPerElement[dtype]]) {
    count *= BigInt(size);
    if (count >= 2n ** 64n) return undefined;
  }
  return Number(count);
}

/** Bytes that a shape takes, or undefined where a 64-bit integer overflows on the way or bytes are not whole. */
function bytesOf(shape: readonly number[], dtype: DType): number | undefined {
  let exact = 1;
  for (const size of shape) exact *= size;
  // Only a product that was exact all the way says that none was too large on the way.
  const isSmall = shape.every(size => size > 0) && exact <= 2 ** 50;
  const bits = isSmall ? 8 * bytesPerElement[dtype] * exact : largeBits(shape, dtype);
  return bits === undefined || bits % 8 !== 0 ? undefined : bits / 8;
}

function checkTensor(name: string, value: Json, path: string): HeaderTensor {
  const fail: Fail = (code, why) => {
    throw badInput(code, `${path}: tensor ${printable(name)} ${why}`, damaged);
  };
  const parts = partsOf(value, fail);
  const dtype = dtypeOf(parts.dtype, fail);
  const shape = shapeOf(parts.shape, fail);
  const [start, end] = offsetsOf(parts.offsets, fail);
  const needed = bytesOf(shape, dtype);
  if (needed === undefined)
    return fail('FORMAT_SHAPE', `[${shape}] ${dtype} is no whole number of bytes that a file can have`);
  if (end - start !== needed)
    return fail('FORMAT_SHAPE', `[${shape}] ${dtype} needs ${needed} bytes, has ${end - start}`);
  return { name, dtype, shape, start, end };
}

/** Tensors must cover the data without a gap. */
function checkLayout(
  tensors: readonly HeaderTensor[],
  path: string,
  before: number,
  dataBytes: number,
): void {
  let position = 0;
  for (const { name, start, end } of tensors) {
    const where = `${path}: tensor ${printable(name)}`;
    if (start < position)
      throw badInput(
        'FORMAT_OVERLAP',
        `${where} starts at ${start}, inside another that ends at ${position}`,
        damaged,
      );
    if (start > position)
      throw badInput(
        'FORMAT_HOLE',
        `${where}: bytes ${position} to ${start}, before it, belong to no tensor`,
        damaged,
      );
    position = end;
  }
  if (position > dataBytes) {
    const message = `${path}: the whole file has ${before + position} bytes, here are ${before + dataBytes}`;
    throw badInput('FORMAT_TRUNCATED', message, 'The download is incomplete; fetch it again.');
  }
  if (position < dataBytes)
    throw badInput(
      'FORMAT_HOLE',
      `${path}: ${dataBytes - position} bytes follow the last tensor, ${printable(tensors.at(-1)?.name ?? 'none')}`,
      damaged,
    );
}

/** Parses and checks a header against the size of the data region that follows it. */
export function parseHeader(bytes: Uint8Array, path: string, dataBytes: number): Header {
  const { members } = readObject(bytes, path);
  const named = members.filter(([name]) => name === '__metadata__').map(([, value]) => value);
  const metadata = checkMetadata(named, path);
  const tensors = new Map<string, HeaderTensor>();
  for (const [name, value] of members) {
    if (name === '__metadata__') continue;
    if (tensors.has(name))
      throw badInput('FORMAT_DUPLICATE', `${path}: tensor ${printable(name)} is named twice`, damaged);
    tensors.set(name, checkTensor(name, value, path));
  }
  const inOrder = [...tensors.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  checkLayout(inOrder, path, 8 + bytes.length, dataBytes);
  return { metadata, tensors: inOrder };
}
