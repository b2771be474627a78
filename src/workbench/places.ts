/** @file Where things lie on this machine: what the package brings, and what is derived. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Checkpoint, openCheckpoint } from '../models/index.ts';

/** The project's own folders, from sources and from a build alike. */
export function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

/** Where derived files may be kept; can be deleted at any time. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lora-studio');
}

/** Where a base lies that the user names: `pocket` is the embedded model. */
export const basePath = (base: string): string =>
  base === 'pocket' ? projectPath('pretrained/pocket') : base;

export const openPocket = (): Checkpoint => openCheckpoint(basePath('pocket'));
