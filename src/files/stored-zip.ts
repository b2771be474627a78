/**
 * @file Zip archives whose members are stored as they are, which is what torch.save writes (PKWARE APPNOTE 6.3.10).
 * Nothing is inflated, so no archive is larger than its file.
 */
import { crc32 } from 'node:zlib';
import { badInput } from '../errors.ts';
import { printable } from './safetensors-header.ts';

/** By name; views of the archive. */
export type ZipMembers = ReadonlyMap<string, Uint8Array>;

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const isOf64 = 0xffffffff;
const mostMembers = 10_000;

type Fail = (why: string) => Error;

interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly packed: number;
  readonly header: number;
}

/** The end record: it is followed by a comment of at most 64 KiB. */
function findEnd(zip: Buffer, fail: Fail): number {
  const least = Math.max(0, zip.length - 22 - 0xffff);
  for (let at = zip.length - 22; at >= least; at--)
    if (zip.readUInt32LE(at) === signatures.end && at + 22 + zip.readUInt16LE(at + 20) === zip.length)
      return at;
  throw fail('has no end record: it was cut off');
}

const number64 = (zip: Buffer, at: number, fail: Fail): number => {
  const value = zip.readBigUInt64LE(at);
  if (value > BigInt(zip.length)) throw fail(`speaks of byte ${value}, but has ${zip.length}`);
  return Number(value);
};

function directoryOf(zip: Buffer, fail: Fail): { start: number; count: number } {
  const end = findEnd(zip, fail);
  const [count, start] = [zip.readUInt16LE(end + 10), zip.readUInt32LE(end + 16)];
  if (count !== 0xffff && start !== isOf64) return { count, start };
  const locator = end - 20;
  if (locator < 0 || zip.readUInt32LE(locator) !== signatures.locator64)
    throw fail('has no 64-bit end record');
  const record = number64(zip, locator + 8, fail);
  if (record + 56 > zip.length || zip.readUInt32LE(record) !== signatures.end64)
    throw fail('has no 64-bit end record');
  return { count: number64(zip, record + 32, fail), start: number64(zip, record + 48, fail) };
}

/** Sizes and place beyond 32 bits, in the order in which they are said to be elsewhere. */
function extra64(zip: Buffer, from: number, to: number, values: number[], fail: Fail): number[] {
  if (!values.includes(isOf64)) return values;
  for (let at = from; at + 4 <= to; at += 4 + zip.readUInt16LE(at + 2)) {
    if (zip.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return values.map(value => {
      if (value !== isOf64) return value;
      next += 8;
      if (next > to) throw fail('has an entry without its 64-bit sizes');
      return number64(zip, next - 8, fail);
    });
  }
  throw fail('has an entry without its 64-bit sizes');
}

function readEntry(zip: Buffer, at: number, fail: Fail): { entry: Entry; next: number } {
  if (at + 46 > zip.length || zip.readUInt32LE(at) !== signatures.central)
    throw fail('has a broken directory');
  const [nameLength, extraLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)];
  const name = at + 46;
  const extra = name + nameLength;
  const next = extra + extraLength + zip.readUInt16LE(at + 32);
  if (next > zip.length) throw fail('has a broken directory');
  const written = [zip.readUInt32LE(at + 24), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
  const [size, packed, header] = extra64(zip, extra, extra + extraLength, written, fail);
  const entry = {
    ...{ name: zip.toString('utf8', name, extra), flags: zip.readUInt16LE(at + 8) },
    ...{ method: zip.readUInt16LE(at + 10), crc: zip.readUInt32LE(at + 16), size, packed, header },
  };
  return { entry, next };
}

interface Place {
  readonly entry: Entry;
  /** Where its own header begins, its name ends, its bytes begin and end. */
  readonly start: number;
  readonly nameEnd: number;
  readonly from: number;
  readonly to: number;
}

/** Where a member lies, by both of its headers. */
function placeOf(zip: Buffer, entry: Entry, fail: Fail): Place {
  const shown = printable(entry.name);
  const { header, size } = entry;
  if ((entry.flags & 1) !== 0) throw fail(`has the encrypted member ${shown}`);
  if (entry.method !== 0 || entry.packed !== size) throw fail(`has the compressed member ${shown}`);
  if (header + 30 > zip.length || zip.readUInt32LE(header) !== signatures.local)
    throw fail(`has no member at the place of ${shown}`);
  const nameEnd = header + 30 + zip.readUInt16LE(header + 26);
  const from = nameEnd + zip.readUInt16LE(header + 28);
  if (from + size > zip.length) throw fail(`ends inside its member ${shown}`);
  return { entry, start: header, nameEnd, from, to: from + size };
}

/** The bytes of a member, checked against its name and its checksum. */
function bytesOf(zip: Buffer, { entry, start, nameEnd, from, to }: Place, fail: Fail): Uint8Array {
  const shown = printable(entry.name);
  if (zip.toString('utf8', start + 30, nameEnd) !== entry.name)
    throw fail(`has another name for ${shown} inside`);
  const bytes = zip.subarray(from, to);
  if (crc32(bytes) !== entry.crc) throw fail(`has a wrong checksum for its member ${shown}`);
  return bytes;
}

/** Reads an archive in memory. Throws TORCH_ARCHIVE for what is damaged, compressed, encrypted, doubled or overlapping. */
export function readStoredZip(bytes: Uint8Array, path: string): ZipMembers {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail: Fail = why =>
    badInput(
      'TORCH_ARCHIVE',
      `${path} ${why}`,
      'It is damaged, or was not written by torch.save; fetch it again.',
    );
  const { start, count } = directoryOf(zip, fail);
  if (count > mostMembers) throw fail(`has ${count} members; at most ${mostMembers} are read`);
  const places = new Map<string, Place>();
  let at = start;
  for (let i = 0; i < count; i++) {
    const { entry, next } = readEntry(zip, at, fail);
    if (places.has(entry.name)) throw fail(`has the member ${printable(entry.name)} twice`);
    places.set(entry.name, placeOf(zip, entry, fail));
    at = next;
  }
  // Before any checksum: thousands of members over the same bytes would take minutes.
  const inOrder = [...places.values()].sort((a, b) => a.start - b.start);
  if (inOrder.some(({ start }, i) => i > 0 && start < inOrder[i - 1].to))
    throw fail('has members that overlap');
  return new Map([...places].map(([name, place]) => [name, bytesOf(zip, place, fail)]));
}
