/**
 * @file Opens a zip of a stranger: its directory is checked whole before a byte is unpacked. Both headers of a member must
 * say the same, members must not overlap, and what a member is must be a plain file or a folder.
 */
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { badInput, type LoraError } from '../../errors.ts';
import { openRangeReader, printable } from '../../files/index.ts';
import type { PackLimits } from './format.ts';
import { checkPath, collisionKey } from './names.ts';

export interface Member {
  readonly path: string;
  /** Unpacked. */
  readonly bytes: number;
  /** CRC-32 that the directory says. */
  readonly crc: number;
  open(): Promise<Readable>;
}

export interface Archive {
  readonly pack: string;
  /** Files, in the order of the directory. */
  readonly members: readonly Member[];
  /** Names that are no text, which only some archives of other programs have. */
  readonly unreadable: number;
  close(): void;
}

const fetchAgain = 'Fetch it again; if it stays so, it was not made by a safe program.';

type Fail = (code: string, why: string, hint?: string) => LoraError;

function readStart(pack: string): Buffer {
  const { size } = statSync(pack);
  const reader = openRangeReader(pack);
  try {
    return Buffer.from(reader.read(0, Math.min(16, size)));
  } finally {
    reader.close();
  }
}

/** A zip begins with a member; what has something in front of it is another file as well. */
function checkStart(pack: string, fail: Fail): void {
  const start = readStart(pack);
  if (start.subarray(0, 4).toString('latin1') === 'PK\x03\x04') return;
  if (start.subarray(0, 4).toString('latin1') === 'PK\x05\x06')
    throw fail(
      'PACK_NO_LORA',
      'is an archive without members',
      'Give a .lorapack, or a zip with a .safetensors in it.',
    );
  if (start[0] === 0x80 && start[1] <= 5)
    throw fail(
      'PACK_PICKLE',
      'is a pickle: opening it elsewhere runs what is in it',
      'Convert it with lora convert.',
    );
  const isSafetensors = start[8] === 0x7b && start.length > 8;
  const hint = isSafetensors
    ? 'It looks like a .safetensors: put it into a folder of the library as it is.'
    : 'Give a .lorapack, or a zip with a .safetensors in it.';
  throw fail('PACK_NOT_A_ZIP', 'is no zip archive', hint);
}

const modeMask = 0o170000;
const [regularFile, folder] = [0o100000, 0o040000];
const encryptedBits = 0x1 | 0x40 | 0x2000;

/** Throws for members that are no plain files: links, devices, encrypted or strangely packed ones. */
function checkKind(entry: Entry, fail: Fail): void {
  const mode = (entry.externalFileAttributes >>> 16) & modeMask;
  if (mode !== 0 && mode !== regularFile && mode !== folder)
    throw fail('PACK_LINK', 'is a link or a device', 'Nothing but plain files is unpacked.');
  if ((entry.generalPurposeBitFlag & encryptedBits) !== 0)
    throw fail('PACK_ENCRYPTED', 'is encrypted', 'Unpack it with its password by another program first.');
  const { compressionMethod: method } = entry;
  if (method !== 0 && method !== 8)
    throw fail('PACK_COMPRESSION', `is packed by method ${method}`, 'Pack it anew as a usual zip.');
  if (method === 0 && entry.compressedSize !== entry.uncompressedSize)
    throw fail(
      'PACK_DAMAGED',
      `is stored in ${entry.compressedSize} bytes, but has ${entry.uncompressedSize}`,
    );
}

function checkSizes(entries: readonly Entry[], limits: PackLimits, fail: Fail): void {
  const total = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  const hint = 'Such archives are made to fill disks.';
  if (total > limits.total)
    throw fail('PACK_BOMB', `would unpack to ${total} bytes; at most ${limits.total} are unpacked`, hint);
  for (const { uncompressedSize: size, compressedSize } of entries) {
    const ratio = size / Math.max(1, compressedSize);
    if (size > 2 ** 20 && ratio > limits.ratio)
      throw fail('PACK_BOMB', `would grow ${Math.round(ratio)} times when it is unpacked`, hint);
  }
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where a member lies, after its own header was compared with the directory. */
async function placeOf(zip: ZipFile, entry: Entry, fail: Fail): Promise<Place> {
  const local = await zip.readLocalFileHeaderPromise(entry).catch(cause => {
    throw fail('PACK_DAMAGED', `has no header where the directory says: ${(cause as Error).message}`);
  });
  if (!Buffer.from(local.fileName).equals(entry.fileNameRaw))
    throw fail('PACK_DAMAGED', `is called ${printable(local.fileName.toString())} in its own header`);
  const isEncrypted = (local.generalPurposeBitFlag & encryptedBits) !== 0;
  if (isEncrypted || local.compressionMethod !== entry.compressionMethod)
    throw fail('PACK_DAMAGED', 'is packed otherwise than the directory says');
  return { start: entry.relativeOffsetOfLocalHeader, end: local.fileDataStart + entry.compressedSize };
}

function decode(raw: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return undefined;
  }
}

async function readEntries(zip: ZipFile, fail: Fail): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(entry);
  } catch (cause) {
    const { message } = cause as Error;
    if (/encrypt/i.test(message))
      throw fail('PACK_ENCRYPTED', 'is encrypted', 'Unpack it with its password by another program first.');
    throw fail('PACK_DAMAGED', `has a broken directory: ${message}`);
  }
  return entries;
}

/** Throws PACK_DUPLICATE where two members would be one file, on this system or another. */
function checkCollisions(paths: readonly string[], fail: Fail): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const key = collisionKey(path);
    const before = seen.get(key);
    if (before !== undefined) {
      const why =
        before === path ? 'is there twice' : `is the same file as ${printable(before)} on other systems`;
      throw fail('PACK_DUPLICATE', `${printable(path)} ${why}`);
    }
    seen.set(key, path);
  }
  for (const key of seen.keys()) {
    const parts = key.split('/');
    const file = parts.slice(0, -1).map((_, i) => seen.get(parts.slice(0, i + 1).join('/')));
    const clash = file.find(path => path !== undefined && !path.endsWith('/'));
    if (clash !== undefined) throw fail('PACK_DUPLICATE', `${printable(clash)} is a file and a folder`);
  }
}

async function checkEntries(
  zip: ZipFile,
  pack: string,
  limits: PackLimits,
  fail: Fail,
): Promise<{ members: Member[]; unreadable: number }> {
  if (zip.entryCount > limits.entries)
    throw fail('PACK_TOO_MANY', `has ${zip.entryCount} members; at most ${limits.entries} are unpacked`);
  const entries = await readEntries(zip, fail);
  checkSizes(entries, limits, fail);
  const places: Place[] = [];
  const named: { path: string; entry: Entry }[] = [];
  let unreadable = 0;
  for (const entry of entries) {
    const path = decode(entry.fileNameRaw);
    const shown = printable(path ?? entry.fileNameRaw.toString('latin1'));
    const failAt: Fail = (code, why, hint) => fail(code, `has the member ${shown}, which ${why}`, hint);
    if (path !== undefined) checkPath(path, pack);
    else checkPath(entry.fileNameRaw.toString('latin1'), pack);
    checkKind(entry, failAt);
    places.push(await placeOf(zip, entry, failAt));
    if (path === undefined) unreadable++;
    else named.push({ path, entry });
  }
  places.sort((a, b) => a.start - b.start);
  if (places.some(({ start }, i) => i > 0 && start < places[i - 1].end))
    throw fail('PACK_BOMB', 'has members that overlap', 'Such archives are made to fill disks.');
  if (places.length > 0 && places[0].start !== 0)
    throw fail('PACK_DAMAGED', `has ${places[0].start} bytes in front of its first member`);
  checkCollisions(
    named.map(({ path }) => path),
    fail,
  );
  const members = named
    .filter(({ path }) => !path.endsWith('/'))
    .map(({ path, entry }) => ({
      path,
      bytes: entry.uncompressedSize,
      crc: entry.crc32,
      open: () => zip.openReadStreamPromise(entry),
    }));
  return { members, unreadable };
}

/** Opens and checks an archive. Throws PACK_… for all that is not as it should be. */
export async function openArchive(pack: string, limits: PackLimits): Promise<Archive> {
  const fail: Fail = (code, why, hint = fetchAgain) => badInput(code, `${pack} ${why}`, hint);
  checkStart(pack, fail);
  // Names and sizes are checked here: the library would turn backslashes into slashes, and name no member.
  const options = { lazyEntries: true, decodeStrings: false, validateEntrySizes: false, autoClose: false };
  const zip = await openPromise(pack, options).catch(cause => {
    throw fail('PACK_DAMAGED', `cannot be read to its end: ${(cause as Error).message}`);
  });
  try {
    return { pack, ...(await checkEntries(zip, pack, limits, fail)), close: () => zip.close() };
  } catch (error) {
    zip.close();
    throw error;
  }
}
