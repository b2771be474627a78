/** @file The hashes of the base model that kohya writes: those by which sites and tools find a checkpoint. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { hashFile, isFolder } from '../../files/index.ts';
import { withoutPaths } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';

interface FileHashes {
  /** A1111's old one: first 8 digits of the sha256 of 64 KiB at 1 MiB. */
  readonly old: string;
  /** sha256 of the whole file. */
  readonly new: string;
}

async function readHashes(path: string): Promise<FileHashes> {
  const handle = openSync(path, 'r');
  try {
    const block = Buffer.alloc(0x10000);
    const length = readSync(handle, block, 0, block.length, 0x100000);
    const old = createHash('sha256').update(block.subarray(0, length)).digest('hex').slice(0, 8);
    return { old, new: await hashFile(path) };
  } finally {
    closeSync(handle);
  }
}

/** None for a file that was moved away while the run went on: the LoRA is worth more than a hash. */
const hashesOf = (path: string): Promise<FileHashes | undefined> => readHashes(path).catch(() => undefined);

/** The autoencoder's file where it is not the checkpoint's own. */
function otherVae({ path, vae }: Checkpoint): string | undefined {
  const [file] = vae.files;
  if (file === undefined || resolve(file) === path) return undefined;
  return isFolder(path) && !relative(path, resolve(file)).startsWith('..') ? undefined : file;
}

async function fileEntries(
  path: string,
  [name, old, whole]: readonly [string, string, string],
): Promise<Record<string, string>> {
  const hashes = isFolder(path) ? undefined : await hashesOf(path);
  // Not the name of somebody's home folder.
  const shown = basename(withoutPaths(path) ?? 'base');
  return { [name]: shown, ...(hashes ? { [old]: hashes.old, [whole]: hashes.new } : {}) };
}

const known = new WeakMap<Checkpoint, Promise<Readonly<Record<string, string>>>>();

async function baseEntries(checkpoint: Checkpoint): Promise<Record<string, string>> {
  const vae = otherVae(checkpoint);
  return {
    ...(await fileEntries(checkpoint.path, ['ss_sd_model_name', 'ss_sd_model_hash', 'ss_new_sd_model_hash'])),
    ...(vae ? await fileEntries(vae, ['ss_vae_name', 'ss_vae_hash', 'ss_new_vae_hash']) : {}),
  };
}

/** `ss_sd_model_*` and `ss_vae_*`; files are read once, folders have no hash. */
export function baseModelEntries(checkpoint: Checkpoint): Promise<Readonly<Record<string, string>>> {
  const entries = known.get(checkpoint) ?? baseEntries(checkpoint);
  known.set(checkpoint, entries);
  return entries;
}
