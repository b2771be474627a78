/** @file The folder of a grid: its record, its pictures, which of them are there. */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../../errors.ts';
import { disk, ensureWritableFolder, lockFile, writeFileAtomic } from '../../files/index.ts';
import { checkExtends, type GridRecord, readGridRecord, recordName, writeGridRecord } from './grid-record.ts';
import type { Grid, GridPicture } from './plan.ts';

/** A PNG's last chunk: no length, its name, its checksum. */
const pngEnd = Buffer.from([0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);
const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Whether the file begins and ends as a PNG; files of ours are whole once they have their name, copies may not be. */
async function isWholePng(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return false;
  try {
    const { size } = await handle.stat();
    if (size < pngStart.length + pngEnd.length) return false;
    const [head, tail] = [Buffer.alloc(pngStart.length), Buffer.alloc(pngEnd.length)];
    await handle.read(head, 0, head.length, 0);
    await handle.read(tail, 0, tail.length, size - tail.length);
    return head.equals(pngStart) && tail.equals(pngEnd);
  } catch {
    return false; // a folder of that name
  } finally {
    await handle.close();
  }
}

export interface GridFolder {
  /** The plan, with the names that pictures have in the folder already. */
  readonly grid: Grid;
  /** Where a picture is; undefined while it is missing. */
  fileOf(id: string): string | undefined;
  missing(): readonly GridPicture[];
  /** Keeps a picture: it is there for good when this returns. */
  keep(picture: GridPicture, png: Uint8Array): Promise<void>;
  /** Writes down which pictures are there. */
  record(): Promise<void>;
  /** Lets other processes have the folder. */
  release(): Promise<void>;
}

const picturesName = 'pictures';

/** Sheets that are no longer of this grid go; those that were never of it are somebody's pictures. */
async function clearSheets(folder: string, { sheets }: Grid, record: GridRecord | undefined): Promise<void> {
  const names = new Set(sheets.map(({ file }) => file));
  for (const old of record?.sheets ?? [])
    if (!names.has(old)) await disk.rm(join(folder, old), { force: true });
  const taken = [...names].find(name => !record?.sheets.includes(name) && existsSync(join(folder, name)));
  if (taken === undefined) return;
  const hint = 'Choose another --out, or move the file away.';
  throw usageError('OUT_EXISTS', `${join(folder, taken)} is there already`, hint);
}

/** Which pictures are there, by id. */
async function findPictures(folder: string, pictures: readonly GridPicture[]): Promise<Map<string, string>> {
  const there = new Map<string, string>();
  for (const { id, file } of pictures) {
    const path = join(folder, file);
    if (await isWholePng(path)) there.set(id, path);
  }
  return there;
}

/**
 * Opens the folder of a grid, making it where needed. Pictures that are there stay; the plan may have more values than the
 * one they were drawn by. Throws GRID_OTHER, GRID_INVALID, OUT_EXISTS, OUTPUT_BUSY, WRITE_*.
 */
export async function openGridFolder(folder: string, planned: Grid): Promise<GridFolder> {
  await ensureWritableFolder(folder);
  const release = await lockFile(join(folder, recordName));
  try {
    const record = readGridRecord(folder);
    if (record) checkExtends(record, planned, folder);
    await clearSheets(folder, planned, record);
    const inner = join(folder, picturesName);
    await ensureWritableFolder(inner);
    const names = new Map(record?.pictures.map(({ id, file }) => [id, file]));
    const pictures = planned.pictures.map(picture => ({
      ...picture,
      file: names.get(picture.id) ?? picture.file,
    }));
    const grid = { ...planned, pictures };
    const there = await findPictures(inner, pictures);
    const write = (): Promise<void> => writeGridRecord(folder, grid, id => there.has(id));
    await write();
    return {
      ...{ grid, release, record: write },
      fileOf: id => there.get(id),
      missing: () => pictures.filter(({ id }) => !there.has(id)),
      async keep({ id, file }, png) {
        const path = join(inner, file);
        await writeFileAtomic(path, png);
        there.set(id, path);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
