/** @file The studio's data folder: what it makes for its user. Files are the truth; `cache/` can be deleted at any time. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { cacheFolder } from './places.ts';

export interface DataFolder {
  readonly path: string;
  /** Jobs: node:sqlite. */
  readonly jobsFile: string;
  /** What the user wrote of cards, and the folders of the library. */
  readonly libraryFile: string;
  readonly settingsFile: string;
  readonly tokenFile: string;
  /** Made by training and merging; the library has them. */
  readonly loras: string;
  readonly checkpoints: string;
  readonly embeddings: string;
  readonly wildcards: string;
  readonly datasets: string;
  /** `2026-11-27/…png` */
  readonly pictures: string;
  readonly grids: string;
  readonly uploads: string;
  /** A folder a job. */
  readonly jobs: string;
  readonly logs: string;
  /** Index, thumbnails, previews made smaller, latents. */
  readonly cache: string;
}

/** Where data lies unless `--data` says otherwise. */
export function usualDataFolder(): string {
  const { env, platform } = process;
  if (env.LORA_STUDIO_DATA) return resolve(env.LORA_STUDIO_DATA);
  if (env.XDG_DATA_HOME) return join(env.XDG_DATA_HOME, 'lora-studio');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'lora-studio');
  if (platform === 'win32')
    return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'lora-studio');
  return join(homedir(), '.local', 'share', 'lora-studio');
}

/** The places of a data folder; nothing is made or read. */
export function dataFolderAt(path: string = usualDataFolder()): DataFolder {
  const data = resolve(path);
  const at = (...parts: string[]): string => join(data, ...parts);
  return {
    path: data,
    jobsFile: at('jobs.sqlite'),
    libraryFile: at('library.sqlite'),
    settingsFile: at('settings.json'),
    tokenFile: at('token'),
    loras: at('loras'),
    checkpoints: at('checkpoints'),
    embeddings: at('embeddings'),
    wildcards: at('wildcards'),
    datasets: at('datasets'),
    pictures: at('pictures'),
    grids: at('grids'),
    uploads: at('uploads'),
    jobs: at('jobs'),
    logs: at('logs'),
    // Of the usual place, beside other caches of the user; of another one, inside it.
    cache: data === usualDataFolder() ? join(cacheFolder(), 'studio') : at('cache'),
  };
}

/** Makes the folders, for the user alone. */
export function makeDataFolders(data: DataFolder): void {
  const { loras, checkpoints, embeddings, wildcards, datasets, pictures, grids, uploads, jobs, logs, cache } =
    data;
  for (const folder of [
    ...[data.path, loras, checkpoints, embeddings, wildcards, datasets],
    ...[pictures, grids, uploads, jobs, logs, cache],
  ])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
}
