/** @file What a path that the user adds stands for: one folder, or an installation with many. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, parse, resolve } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import { isReachableFolder } from '../../files/index.ts';
import type { CardUse } from '../card.ts';
import { expand, extraPathsName, readExtraPaths } from './extra-model-paths.ts';
import { findLayout, type LayoutFolder } from './layouts.ts';

export const allUses: readonly CardUse[] = ['lora', 'checkpoint', 'embedding', 'vae'];

/** As people paste it: `~/nas`, `$MODELS`, and in quotes, as Windows copies paths. */
function asMeant(given: string): string {
  const text = given.trim();
  // A folder may be called so.
  if (existsSync(given)) return resolve(given);
  const plain = /^(["'])(.+)\1$/.exec(text)?.[2] ?? text;
  return resolve(existsSync(plain) ? plain : expand(plain));
}

/** Folders of a path, those that are there. Throws FOLDER_NOT_FOUND, FOLDER_TOO_WIDE, EXTRA_PATHS_WRONG. */
export function foldersAt(given: string, uses?: readonly CardUse[]): LayoutFolder[] {
  const path = asMeant(given);
  if (basename(path) === extraPathsName && statSync(path, { throwIfNoEntry: false })?.isFile())
    return readExtraPaths(path).filter(folder => isReachableFolder(folder.path));
  if (!isReachableFolder(path)) {
    const why = existsSync(path) ? 'is no folder' : 'does not exist';
    throw badInput(
      'FOLDER_NOT_FOUND',
      `${path} ${why}`,
      'Give a folder with models, or one of A1111, Forge or ComfyUI.',
    );
  }
  if (parse(path).root === path)
    throw usageError(
      'FOLDER_TOO_WIDE',
      `${path} is a whole drive`,
      'Give the folder on it that has the models.',
    );
  // Whoever says what a folder is for means this folder.
  const layout = uses ? undefined : findLayout(path);
  if (!layout) return [{ path, uses: uses ?? allUses, layout: 'folder' }];
  const extra = join(layout.root, extraPathsName);
  const named = layout.name === 'comfyui' && existsSync(extra) ? readExtraPaths(extra) : [];
  const byPath = new Map([...layout.folders, ...named].map(folder => [folder.path, folder]));
  return [...byPath.values()].filter(folder => isReachableFolder(folder.path));
}
