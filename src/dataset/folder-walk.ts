/** @file Lists every file below a data set folder with the repeats and class tokens that folder names give. */

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { badInput } from '../errors.ts';
import { type DatasetWarning, firstLine, type Skip, systemCode } from './findings.ts';

/** What a kohya folder name `<repeats>_<class tokens>` says; it holds for everything below that folder. */
export interface FolderMeaning {
  repeats: number;
  classTokens?: string;
}

export interface FoundFile {
  path: string;
  folder: string;
  name: string;
  meaning: FolderMeaning;
}

export interface FolderListing {
  /** In path order, the same on every machine. */
  files: FoundFile[];
  /** Hidden files and folders, never opened. */
  hidden: string[];
  skipped: Skip[];
  warnings: DatasetWarning[];
}

/** A larger number in front of a folder name is a year or a date ("2024_holiday"), not repeats. */
const mostRepeats = 1000;

function readFolderName(path: string, inherited: FolderMeaning, warnings: DatasetWarning[]): FolderMeaning {
  const match = /^(\d+)_(.*)$/s.exec(basename(path));
  if (!match) return inherited;
  const repeats = Number(match[1]);
  if (repeats > mostRepeats) {
    warnings.push({
      code: 'FOLDER_NUMBER_IGNORED',
      message: `folder "${basename(path)}": ${match[1]} is more than ${mostRepeats}, so it is not taken as repeats`,
      path,
    });
    return inherited;
  }
  const classTokens = match[2].trim();
  return classTokens === '' ? { repeats } : { repeats, classTokens };
}

function inOrder(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

async function checkIsFolder(folder: string): Promise<void> {
  const facts = await stat(folder).catch((error: unknown) => {
    const reason =
      systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be opened: ${firstLine(error)}`;
    throw badInput('DATASET_NO_FOLDER', `data set folder ${folder} ${reason}`, 'Check the path.', error);
  });
  if (facts.isDirectory()) return;
  throw badInput(
    'DATASET_NO_FOLDER',
    `${folder} is a file, not a folder`,
    'Give the folder that holds the pictures.',
  );
}

const notRead = (path: string): DatasetWarning => ({
  code: 'FOLDER_NOT_READ',
  message: `${path} is not read: a data set file names each folder by itself`,
  path,
});

export interface WalkOptions {
  /** False: files of the folder itself, whose name says nothing either; the folders in it are told in a warning. */
  below?: boolean;
}

/** Walks the folder and everything below it; follows links, each real folder once. */
export async function walkFolder(root: string, { below = true }: WalkOptions = {}): Promise<FolderListing> {
  await checkIsFolder(root);
  const listing: FolderListing = { files: [], hidden: [], skipped: [], warnings: [] };
  const seen = new Set<string>();
  const skip = (path: string, code: string, reason: string) => listing.skipped.push({ path, code, reason });

  const visit = async (folder: string, inherited: FolderMeaning): Promise<void> => {
    const real = await realpath(folder);
    if (seen.has(real)) return void skip(folder, 'FOLDER_SEEN', `leads to ${real}, which was read already`);
    seen.add(real);
    const meaning = below ? readFolderName(folder, inherited, listing.warnings) : inherited;
    const entries = (await readdir(folder, { withFileTypes: true })).sort(inOrder);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.name.startsWith('.')) listing.hidden.push(path);
      else if (entry.isFile()) listing.files.push({ path, folder, name: entry.name, meaning });
      else await visitEntry(path, folder, entry.name, meaning);
    }
  };

  const visitEntry = async (path: string, folder: string, name: string, meaning: FolderMeaning) => {
    try {
      const facts = await stat(path);
      if (facts.isDirectory() && !below) listing.warnings.push(notRead(path));
      else if (facts.isDirectory()) await visit(path, meaning);
      else if (facts.isFile()) listing.files.push({ path, folder, name, meaning });
      else skip(path, 'FILE_SPECIAL', 'is neither a file nor a folder');
    } catch (error) {
      skip(path, 'FILE_UNREADABLE', `cannot be opened: ${firstLine(error)}`);
    }
  };

  await visit(root, { repeats: 1 }).catch((error: unknown) => {
    const message = `data set folder ${root} cannot be read: ${firstLine(error)}`;
    throw badInput('DATASET_NO_FOLDER', message, 'Check its permissions.', error);
  });
  return listing;
}
