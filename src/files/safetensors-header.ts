/** @file The one validator of safetensors headers: nothing is believed before all of it is checked. */
import { bytesPerElement, type DType, elementCount } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import { dtypeByName } from './safetensors-dtypes.ts';

export interface HeaderTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: number[];
  readonly start: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Record<string, string>;
  readonly tensors: HeaderTensor[];
}

/** Keys of the outermost JSON object as written, to see duplicates that JSON.parse would hide. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    else if (c === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      if (depth === 1 && /^\s*:/.test(text.slice(i + 1, i + 20))) keys.push(text.slice(start, i + 1));
    }
  }
  return keys;
}

function parseJson(bytes: Uint8Array, path: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b)
    throw badInput(
      'FORMAT_HEADER',
      `${path}: the header does not start with {`,
      'Is this a safetensors file?',
    );
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    throw badInput(
      'FORMAT_HEADER',
      `${path}: the header is not valid JSON`,
      'The file is damaged; fetch it again.',
      cause,
    );
  }
  const keys = topLevelKeys(text);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i && keys.length < 20_000);
  if (twice || new Set(keys).size !== keys.length)
    throw badInput('FORMAT_HEADER', `${path}: the header names ${twice ?? 'a tensor'} twice`);
  return json as Record<string, unknown>;
}

function checkMetadata(value: unknown, path: string): Record<string, string> {
  if (value === undefined) return {};
  const bad =
    typeof value !== 'object' ||
    value === null ||
    Object.values(value).some(entry => typeof entry !== 'string');
  if (bad) throw badInput('FORMAT_METADATA', `${path}: __metadata__ holds something other than text`);
  return value as Record<string, string>;
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkTensor(name: string, value: unknown, path: string): HeaderTensor {
  const fail = (code: string, why: string): never => {
    throw badInput(
      code,
      `${path}: tensor ${name} ${why}`,
      'The file is damaged or not made by a safe writer.',
    );
  };
  if (typeof value !== 'object' || value === null) return fail('FORMAT_HEADER', 'has no description');
  const { dtype: dtypeName, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const dtype = typeof dtypeName === 'string' ? dtypeByName.get(dtypeName) : undefined;
  if (!dtype) return fail('FORMAT_DTYPE', `has the unknown dtype ${String(dtypeName)}`);
  if (!Array.isArray(shape) || !shape.every(isIndex)) return fail('FORMAT_SHAPE', 'has a bad shape');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isIndex))
    return fail('FORMAT_HEADER', 'has bad offsets');
  const [start, end] = offsets as [number, number];
  const needed = elementCount(shape) * bytesPerElement[dtype];
  if (end - start !== needed)
    return fail('FORMAT_SHAPE', `[${shape}] ${dtype} needs ${needed} bytes, has ${end - start}`);
  return { name, dtype, shape, start, end };
}

/** Parses and checks a header against the size of the data region that follows it. */
export function parseHeader(bytes: Uint8Array, path: string, dataBytes: number): Header {
  const json = parseJson(bytes, path);
  const metadata = checkMetadata(json.__metadata__, path);
  const tensors: HeaderTensor[] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name !== '__metadata__') tensors.push(checkTensor(name, value, path));
  }
  let position = 0;
  for (const { name, start, end } of [...tensors].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < position)
      throw badInput(
        'FORMAT_OVERLAP',
        `${path}: tensor ${name} starts at ${start}, inside another that ends at ${position}`,
      );
    if (start > position)
      throw badInput(
        'FORMAT_HOLE',
        `${path}: bytes ${position} to ${start}, before ${name}, belong to no tensor`,
      );
    position = end;
  }
  if (position > dataBytes) {
    const before = 8 + bytes.length;
    const message = `${path}: the whole file has ${before + position} bytes, here are ${before + dataBytes}`;
    throw badInput('FORMAT_TRUNCATED', message, 'The download is incomplete; fetch it again.');
  }
  if (position < dataBytes)
    throw badInput('FORMAT_HOLE', `${path}: ${dataBytes - position} bytes follow the last tensor`);
  return { metadata, tensors };
}
