/** @file `--base`: the embedded model, or a checkpoint of the user's. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Checkpoint, openCheckpoint } from '../models/index.ts';

/** The project's own folders, from sources and from a build alike. */
export function projectPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

/** What `--base` takes, for the help of every command that has it. */
export const baseHelp = 'pocket, a .safetensors checkpoint, or a folder in the Diffusers layout';

export function openBase(name: string): Checkpoint {
  return openCheckpoint(name === 'pocket' ? projectPath('pretrained/pocket') : name);
}

/** Where derived files may be kept; can be deleted at any time. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lora-studio');
}
