/** @file What an attempt finds of the attempts before it, and what it does with that. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LoraError } from '../../../errors.ts';
import { hasRunState, runFolderOf, runStatePath } from '../../../training/index.ts';

/**
 * `resume`: there is a run state. `finished`: the LoRA is whole, and only telling of it was cut off. `new`: nothing that a run
 * could go on from.
 */
export type Found = 'resume' | 'finished' | 'new';

const stemOf = (out: string): string => basename(out, '.safetensors');

/** LoRAs that a run of this name leaves: on the way by step or epoch, and the best. */
export function lorasBeside(out: string): string[] {
  const stem = stemOf(out);
  const folder = dirname(out);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(
      name =>
        name.startsWith(`${stem}-`) &&
        /^-(?:best|step\d{8,}|\d{6,})\.safetensors$/.test(name.slice(stem.length)),
    )
    .sort()
    .map(name => join(folder, name));
}

/** Looks, and clears away what a run that saved no state has left: it does the same steps again. */
export async function findEarlier(out: string): Promise<Found> {
  if (hasRunState(runStatePath(out))) return 'resume';
  if (existsSync(out)) return 'finished';
  for (const path of [...lorasBeside(out), runFolderOf(out)])
    await rm(path, { recursive: true, force: true });
  return 'new';
}

/** What says that the state beside `out` is none that this run can go on from. */
const otherRun = new Set(['RUN_STATE_OTHER', 'RUN_STATE_DAMAGED', 'RUN_STATE_INVALID', 'OUT_EXISTS']);
export const isOtherRun = (error: unknown): error is LoraError =>
  error instanceof LoraError && otherRun.has(error.code);

/** Keeps all that is of `out` in a folder of its own; returns that. */
export async function setAside(out: string, attempt: number): Promise<string> {
  const [folder, stem] = [dirname(out), stemOf(out)];
  const aside = join(folder, `before-${attempt}`);
  await mkdir(aside, { recursive: true });
  for (const name of readdirSync(folder))
    if (name.startsWith(`${stem}.`) || name.startsWith(`${stem}-`))
      await rename(join(folder, name), join(aside, name));
  return aside;
}
