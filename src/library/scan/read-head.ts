/**
 * @file The head of a .safetensors file in as few reads as can be: metadata, what the table of tensors is known by, and
 * what the card is known by. The table itself is read once for all files that have the same bytes there.
 */

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { openSafetensors, type SafetensorsFile } from '../../files/index.ts';

export interface Head {
  readonly path: string;
  readonly fileSize: number;
  readonly dataOffset: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the header without `__metadata__`, and the length of the data. */
  readonly tableKey: string;
  /** Of some of the data. */
  readonly samples: string;
  /** Where it was read as a whole already. */
  readonly file?: SafetensorsFile;
}

/** Most headers of LoRAs, with the first of their data, are shorter. */
const firstRead = 256 * 1024;
/** Longer headers are left to the reader that checks all of it. */
const mostHeader = 32 * 2 ** 20;

const sampleBytes = 4096;
/** Behind the header, where it costs no seek, more. */
const startBytes = 4 * sampleBytes;
/** Files of embeddings, and small LoRAs, are read whole. */
const wholeUpTo = 64 * 1024;
/** Data of this length and more are of checkpoints, of which a part, such as the VAE, is often another. */
const checkpointBytes = 300 * 2 ** 20;
/** Spread evenly over the data, the last at its end; each is a seek of a slow disk. */
const sampleCount = { checkpoint: 64, other: 11 } as const;

const buffer = Buffer.alloc(firstRead);

function readFully(handle: number, into: Buffer<ArrayBuffer>, position: number): Buffer<ArrayBuffer> {
  let done = 0;
  while (done < into.length) {
    const count = readSync(handle, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return into.subarray(0, done);
}

/** Digest of some of the bytes from `start` on: all of them where they are few. */
export function sampleData(handle: number, start: number, length: number, known = Buffer.alloc(0)): string {
  const hash = createHash('sha256').update(`${length}\n`);
  const take = (offset: number, bytes: number): void => {
    const isKnown = offset + bytes <= known.length;
    const piece = isKnown
      ? known.subarray(offset, offset + bytes)
      : readFully(handle, Buffer.alloc(bytes), start + offset);
    hash.update(piece);
  };
  if (length <= wholeUpTo) take(0, length);
  else {
    take(0, startBytes);
    const count = length >= checkpointBytes ? sampleCount.checkpoint : sampleCount.other;
    for (let i = 1; i <= count; i++) take(Math.floor(((length - sampleBytes) * i) / count), sampleBytes);
  }
  return hash.digest('hex');
}

const quote = 0x22;
const backslash = 0x5c;
const closeBrace = 0x7d;
const space = 0x20;

/** Behind the string that begins at `from`, or -1. */
function endOfString(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(quote, from + 1); at >= 0; at = bytes.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return -1;
}

/** Behind the object of strings that begins at `from`, or -1. */
function endOfObject(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; ) {
    if (bytes[at] === closeBrace) return at + 1;
    if (bytes[at] !== quote) at++;
    else {
      at = endOfString(bytes, at);
      if (at < 0) return -1;
    }
  }
  return -1;
}

const opening = /^\{\s*"__metadata__"\s*:\s*(?=\{)/;

function textsOf(json: Buffer): Record<string, string> | undefined {
  if (!isUtf8(json)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
  const isPlain = Object.values(value as object).every(
    text => typeof text === 'string' && text.isWellFormed(),
  );
  return isPlain ? (value as Record<string, string>) : undefined;
}

/** Metadata and the rest of a header as every writer writes it; undefined where it is written otherwise. */
function split(header: Buffer): { metadata: Record<string, string>; rest: Buffer } | undefined {
  let end = header.length;
  while (end > 0 && header[end - 1] === space) end--;
  const start = opening.exec(header.toString('latin1', 0, 64))?.[0].length;
  if (start === undefined) {
    if (header.includes('__metadata__') || header.includes('\\u')) return undefined;
    return { metadata: {}, rest: header.subarray(1, end) };
  }
  const behind = endOfObject(header, start);
  if (behind < 0 || header[behind] !== 0x2c) return undefined;
  const rest = header.subarray(behind + 1, end);
  if (rest.includes('__metadata__') || rest.includes('\\u')) return undefined;
  const metadata = textsOf(header.subarray(start, behind));
  return metadata && { metadata, rest };
}

function wholly(path: string, handle: number): Head {
  const file = openSafetensors(path);
  const { metadata, dataOffset, fileSize } = file;
  const samples = sampleData(handle, dataOffset, fileSize - dataOffset);
  return { path, fileSize, dataOffset, metadata, tableKey: '', samples, file };
}

/** Reads the head of a file. Throws FORMAT_* and FILE_UNREADABLE. */
export function readHead(path: string): Head {
  const handle = openSync(path, 'r');
  try {
    const fileSize = fstatSync(handle).size;
    const first = readFully(handle, buffer.subarray(0, Math.min(firstRead, fileSize)), 0);
    const length = first.length < 8 ? mostHeader : Number(first.readBigUInt64LE());
    const dataOffset = 8 + length;
    if (length >= mostHeader || dataOffset > fileSize) return wholly(path, handle);
    const header =
      dataOffset <= first.length ? first.subarray(8, dataOffset) : readFully(handle, Buffer.alloc(length), 8);
    const parts = split(header);
    if (!parts) return wholly(path, handle);
    const dataBytes = fileSize - dataOffset;
    const tableKey = createHash('sha256').update(`${dataBytes}\n`).update(parts.rest).digest('hex');
    const known = first.subarray(Math.min(dataOffset, first.length));
    const samples = sampleData(handle, dataOffset, dataBytes, known);
    return { path, fileSize, dataOffset, metadata: parts.metadata, tableKey, samples };
  } finally {
    closeSync(handle);
  }
}

/** The table of tensors, whatever the order in which the header lists it. */
export function tableDigest({ tensors, dataOffset }: SafetensorsFile): string {
  const lines = [...tensors.values()].map(
    ({ name, dtype, shape, offset, length }) =>
      `${name}\0${dtype}\0${shape}\0${offset - dataOffset}\0${length}`,
  );
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

const idLength = 16;

/** Known by its tensors, not by name, place or metadata. */
export const idOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, idLength);
