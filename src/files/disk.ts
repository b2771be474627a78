/**
 * @file What writing uses of the file system, as a table: tests put faults and records in its place. Saves go through it
 * alone, from the first look at their folder to the last fsync.
 */
import { type FileHandle, link, open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises';

/** What a write does to an open file. */
export type DiskFile = Pick<FileHandle, 'write' | 'datasync' | 'sync' | 'close'>;

export interface Disk {
  open(path: string, flags: string, mode?: number): Promise<DiskFile>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rm(path: string, options: { readonly force: boolean }): Promise<void>;
  readdir(path: string): Promise<string[]>;
  realpath(path: string): Promise<string>;
  stat(path: string): Promise<{ readonly mode: number }>;
}

/** Node's own. Its entries are looked up at every call. */
export const disk: Disk = { open, link, rename, unlink, rm, readdir, realpath, stat };
