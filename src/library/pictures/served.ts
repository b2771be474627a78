/** @file Pictures as they are served: always encoded anew, in a few widths, kept in the cache until their file changes. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openPicture, readHeader, refuseFormat } from '../../dataset/index.ts';
import { badInput, LoraError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import { openTurnstile } from './turns.ts';

/** Longest side in pixels. */
export const servedSizes = { '96': 96, '320': 320, '640': 640, '1280': 1280, full: 8192 } as const;
export type ServedSize = keyof typeof servedSizes;

export interface ServedPicture {
  readonly bytes: Uint8Array;
  readonly type: 'image/webp';
}

/** As when training opens pictures. */
const mostPixels = 200_000_000;
const mostFileBytes = 1024 ** 3;
const inTurn = openTurnstile(2);

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];

/** Large ones are decoded one at a time, so that two of them do not take the memory of a training run. */
async function encode(bytes: Uint8Array, size: ServedSize): Promise<Uint8Array> {
  const refused = refuseFormat(bytes);
  if (refused) throw badInput(refused.code, `the picture: ${refused.reason}`);
  const side = servedSizes[size];
  try {
    const { width, height } = await readHeader(bytes);
    if (width * height > mostPixels)
      throw badInput(
        'PICTURE_TOO_LARGE',
        `${width}×${height} pixels; the limit is ${mostPixels / 1e6} megapixels`,
      );
    return await openPicture(bytes, mostPixels)
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .webp({ quality: size === 'full' ? 95 : 82, effort: size === 'full' ? 2 : 3, smartSubsample: true })
      .toBuffer();
  } catch (error) {
    if (error instanceof LoraError) throw error;
    throw badInput('PICTURE_BROKEN', `the picture cannot be decoded: ${firstLine(error)}`, undefined, error);
  }
}

const keyOf = (...parts: (string | number)[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('hex');

const keptAt = (data: DataFolder, key: string): string =>
  join(data.cache, 'served', key.slice(0, 2), `${key}.webp`);

async function fromCache(path: string): Promise<Uint8Array | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const bytes = await readFile(path);
    const now = new Date();
    await utimes(path, now, now);
    return bytes;
  } catch {
    return undefined;
  }
}

async function served(
  data: DataFolder,
  key: string,
  read: () => Promise<Uint8Array>,
  size: ServedSize,
  signal?: AbortSignal,
): Promise<ServedPicture> {
  const path = keptAt(data, key);
  const kept = await fromCache(path);
  if (kept) return { bytes: kept, type: 'image/webp' };
  const bytes = await inTurn(async () => (await fromCache(path)) ?? encode(await read(), size), signal);
  // A cache that cannot be written costs time, nothing else.
  await mkdir(dirname(path), { recursive: true })
    .then(() => writeFileAtomic(path, bytes))
    .catch(() => undefined);
  return { bytes, type: 'image/webp' };
}

const gone = (cause?: unknown): LoraError =>
  new LoraError('PICTURE_MISSING', 'the file of the picture is not there any more', { cause });

/** A picture file. Throws PICTURE_MISSING, PICTURE_BROKEN … */
export async function servedPicture(
  data: DataFolder,
  path: string,
  size: ServedSize,
  signal?: AbortSignal,
): Promise<ServedPicture> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw gone(cause);
  });
  if (!facts.isFile()) throw gone();
  if (facts.size > mostFileBytes)
    throw badInput('PICTURE_TOO_LARGE', `the file has ${facts.size} bytes; the limit is ${mostFileBytes}`);
  const { size: bytes, mtimeMs, ino } = facts;
  const key = keyOf('file', path, bytes, mtimeMs, ino, size);
  const read = async (): Promise<Uint8Array> =>
    readFile(path).catch((cause: unknown) => {
      throw gone(cause);
    });
  return served(data, key, read, size, signal);
}

export interface ServeOptions {
  readonly signal?: AbortSignal | undefined;
  /** False for pictures that nobody asks for twice. */
  readonly keep?: boolean | undefined;
}

/** A picture in memory, such as the preview in a LoRA file. */
export async function servedBytes(
  data: DataFolder,
  bytes: Uint8Array,
  size: ServedSize,
  { signal, keep = true }: ServeOptions = {},
): Promise<ServedPicture> {
  if (!keep) return { bytes: await inTurn(() => encode(bytes, size), signal), type: 'image/webp' };
  const key = keyOf('bytes', createHash('sha256').update(bytes).digest('hex'), size);
  return served(data, key, async () => bytes, size, signal);
}

/** Deletes what was served least recently, down to so many megabytes; returns how many files. */
export async function sweepServed(data: DataFolder, megabytes = 500): Promise<number> {
  const root = join(data.cache, 'served');
  const files: { path: string; bytes: number; usedAt: number }[] = [];
  for (const folder of await readdir(root).catch(() => []))
    for (const name of await readdir(join(root, folder)).catch(() => [])) {
      const path = join(root, folder, name);
      const facts = await stat(path).catch(() => undefined);
      if (facts) files.push({ path, bytes: facts.size, usedAt: facts.mtimeMs });
    }
  let left = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let removed = 0;
  for (const { path, bytes } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (left <= megabytes * 2 ** 20) break;
    await rm(path, { force: true });
    left -= bytes;
    removed++;
  }
  return removed;
}
