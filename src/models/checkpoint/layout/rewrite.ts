/** @file Writes a checkpoint again, in its own layout and under its own names, with some of its weights changed. */
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { usageError } from '../../../errors.ts';
import { ensureFreeSpace, ensureWritableFolder, isFolder } from '../../../files/index.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { advance, type Converted } from './conversion.ts';
import { checkOut } from './convert.ts';
import { filePieces } from './file-pieces.ts';
import { type FilePlan, planFile, type RewriteOptions, rewriteFile } from './rewrite-file.ts';
import { filesBelow, weightFile } from './write-folder.ts';
import type { Advance } from './write-tensors.ts';

export type { RewriteOptions } from './rewrite-file.ts';

/** Throws OUT_OTHER_LAYOUT when the name of the result is one of the other layout. */
function checkLayout({ path }: Checkpoint, out: string): void {
  const isSingle = extname(out).toLowerCase() === '.safetensors';
  if (isSingle !== isFolder(path)) return;
  const message = isSingle
    ? `${path} is a folder, so ${out} must be the name of one`
    : `${path} is a single file, so ${out} must end in .safetensors`;
  throw usageError(
    'OUT_OTHER_LAYOUT',
    message,
    '`lora checkpoint convert` writes a checkpoint in the other layout.',
  );
}

interface FolderPlan {
  /** By the place in the folder. */
  readonly files: ReadonlyMap<string, FilePlan>;
  readonly copied: readonly string[];
  /** Weights of a part that nothing reads: they would be those from before the change. */
  readonly left: readonly string[];
}

const shardList = /\.safetensors\.index(?:\.\w+)?\.json$/;

/** Whether all the shards of a list are among the files that are read. */
function listsOnly(path: string, place: string, files: ReadonlyMap<string, FilePlan>): boolean {
  const { weight_map: map = {} } = JSON.parse(readFileSync(path, 'utf8')) as {
    weight_map?: Record<string, string>;
  };
  return Object.values(map).every(shard => files.has(join(dirname(place), shard)));
}

/** What each file of a folder becomes. Lists of shards are written anew when their sizes change. */
function planFolder(checkpoint: Checkpoint, options: RewriteOptions): FolderPlan {
  const root = checkpoint.path;
  const files = new Map(
    [...filePieces(checkpoint)].map(([path, pieces]) => [
      relative(root, path),
      planFile(path, pieces, options),
    ]),
  );
  const parts = new Set([...files.keys()].map(place => place.split(sep)[0]));
  const others = filesBelow(root)
    .map(path => relative(root, path))
    .filter(place => !files.has(place));
  const isStale = (place: string): boolean =>
    weightFile.test(place) &&
    parts.has(place.split(sep)[0]) &&
    !(shardList.test(place) && listsOnly(join(root, place), place, files));
  return {
    files,
    copied: others.filter(place => !isStale(place)),
    left: others.filter(isStale),
  };
}

/** A list of shards with the size that they have now (huggingface_hub's `metadata.total_size`). */
async function resizedList(path: string, place: string, { files }: FolderPlan): Promise<string> {
  const list = JSON.parse(await readFile(path, 'utf8')) as { metadata?: { total_size?: number } };
  const folder = dirname(place);
  const own = [...files].filter(([file]) => dirname(file) === folder);
  const total = own.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  return `${JSON.stringify({ ...list, metadata: { ...list.metadata, total_size: total } }, null, 2)}\n`;
}

async function fillFolder(
  root: string,
  folder: string,
  plan: FolderPlan,
  options: RewriteOptions,
  progress: Advance,
): Promise<void> {
  const make = async (place: string): Promise<string> => {
    await mkdir(dirname(join(folder, place)), { recursive: true });
    return join(folder, place);
  };
  for (const place of plan.copied) {
    progress.signal?.throwIfAborted();
    const [from, to] = [join(root, place), await make(place)];
    if (options.dtype && shardList.test(place)) await writeFile(to, await resizedList(from, place, plan));
    else await copyFile(from, to);
  }
  for (const [place, file] of plan.files) await rewriteFile(file, await make(place), options, progress);
}

/** Made beside its place and put there when it is whole. */
async function rewriteFolder(
  checkpoint: Checkpoint,
  out: string,
  options: RewriteOptions,
): Promise<Converted> {
  const root = checkpoint.path;
  const plan = planFolder(checkpoint, options);
  const sizes = await Promise.all(plan.copied.map(async place => (await stat(join(root, place))).size));
  const bytes = [...plan.files.values()].reduce((sum, file) => sum + file.bytes, 0);
  await ensureFreeSpace(
    dirname(out),
    sizes.reduce((sum, size) => sum + size, bytes),
  );
  const temporary = join(dirname(out), `.${basename(out)}.${process.pid}.tmp`);
  try {
    await mkdir(temporary);
    await fillFolder(root, temporary, plan, options, advance(options, bytes));
    if (existsSync(out)) await rm(out, { recursive: true });
    await rename(temporary, out);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const notes =
    plan.left.length > 0
      ? [`weights that nothing reads, and that are not changed, were left out: ${plan.left.join(', ')}`]
      : [];
  return { layout: 'folder', bytes, notes };
}

async function rewriteSingle(
  checkpoint: Checkpoint,
  out: string,
  options: RewriteOptions,
): Promise<Converted> {
  const { path } = checkpoint;
  const plan = planFile(path, filePieces(checkpoint).get(path) ?? new Map(), options);
  await ensureFreeSpace(dirname(out), plan.bytes);
  await rewriteFile(plan, out, options, advance(options, plan.bytes));
  return { layout: 'single file', bytes: plan.bytes, notes: [] };
}

/** Everything that can be told of `out` before work is done for it; `rewriteCheckpoint` asks the same. */
export function checkRewrite(checkpoint: Checkpoint, out: string): void {
  checkOut(out);
  checkLayout(checkpoint, out);
}

/**
 * Writes an opened checkpoint, with its own parts, to `out` in the same layout. Nothing is left behind on failure; an
 * existing `out` is never touched, and neither is the checkpoint.
 */
export async function rewriteCheckpoint(
  checkpoint: Checkpoint,
  out: string,
  options: RewriteOptions,
): Promise<Converted> {
  checkRewrite(checkpoint, out);
  const target = resolve(out);
  await ensureWritableFolder(dirname(target));
  return (isFolder(checkpoint.path) ? rewriteFolder : rewriteSingle)(checkpoint, target, options);
}
