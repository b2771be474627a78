/** @file Ids of the library, of data sets and of uploads to paths; looked up for every job, for files move. */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { badInput } from '../errors.ts';
import { isFolder, resolveInside } from '../files/index.ts';
import { type CardUse, findDataset, type Library, type WholeCard } from '../library/index.ts';
import { basePath, type DataFolder } from '../workbench/index.ts';
import type { JobNames } from './runner.ts';

type KnownFiles = Pick<Library, 'pathOf' | 'card' | 'folders'>;
interface Place {
  readonly path: string;
  readonly name: string;
}

const useNames: Readonly<Record<CardUse, string>> = {
  lora: 'a LoRA',
  checkpoint: 'a checkpoint',
  embedding: 'an embedding',
  vae: 'an autoencoder',
};

/** A card that is to be used so. Throws CARD_UNKNOWN, CARD_WRONG_USE. */
export function cardOf(library: Pick<Library, 'card'>, id: string, use: CardUse): WholeCard {
  const card = library.card(id);
  if (!card)
    throw badInput(
      'CARD_UNKNOWN',
      `the library has nothing with the id ${id}`,
      'Was it removed? Let the library look again.',
    );
  if (card.use !== use)
    throw badInput('CARD_WRONG_USE', `${card.name} is ${useNames[card.use]}, not ${useNames[use]}`);
  return card;
}

function fileOfCard(library: KnownFiles, id: string, use: CardUse): Place {
  const card = cardOf(library, id, use);
  const path = library.pathOf(id);
  if (existsSync(path)) return { path, name: card.name };
  const hint = 'Connect its drive, or scan the library if it was moved.';
  throw badInput('CARD_MISSING', `the file of ${card.name} is not there: ${card.fileName}`, hint);
}

/** Uploads are named by their id, with the ending of what they were encoded as. */
function uploadAt(data: DataFolder, id: string): string {
  resolveInside(data.uploads, id);
  const found = isFolder(data.uploads)
    ? readdirSync(data.uploads).find(
        name => name === id || (name.startsWith(`${id}.`) && !name.endsWith('.tmp')),
      )
    : undefined;
  if (found !== undefined) return resolveInside(data.uploads, found);
  throw badInput(
    'UPLOAD_UNKNOWN',
    `the uploaded picture ${id} is not there`,
    'Uploads are kept some days: give it again.',
  );
}

function foldersFor(library: KnownFiles, use: CardUse, own: string): string[] {
  const others = library
    .folders()
    .filter(({ uses, state }) => state === 'present' && uses.includes(use))
    .map(({ path }) => path);
  return [...new Set([own, ...others].map(path => resolve(path)))].filter(isFolder);
}

/**
 * Names over a data folder and its library. They throw CARD_UNKNOWN, CARD_WRONG_USE, CARD_MISSING, DATASET_UNKNOWN,
 * DATASET_MISSING, UPLOAD_UNKNOWN and PATH_OUTSIDE.
 */
export function openNames(data: DataFolder, library: KnownFiles): JobNames {
  return {
    base: id => (id === 'pocket' ? { path: basePath(id), name: id } : fileOfCard(library, id, 'checkpoint')),
    lora: id => fileOfCard(library, id, 'lora'),
    dataset: id => findDataset(data, id),
    upload: id => uploadAt(data, id),
    get loraFolders() {
      return foldersFor(library, 'lora', data.loras);
    },
    get embeddingFolders() {
      return foldersFor(library, 'embedding', data.embeddings);
    },
    get wildcardFolders() {
      return [data.wildcards].filter(isFolder);
    },
  };
}
