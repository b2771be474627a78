/** @file Which data sets there are and where: folders of the data folder, the package's examples, and the user's own folders. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { badInput, LoraError, nearestWords } from '../../errors.ts';
import { resolveInside } from '../../files/index.ts';
import { type DataFolder, projectPath } from '../../workbench/index.ts';

export type DatasetOrigin = 'own' | 'folder' | 'example';

export interface DatasetPlace {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly origin: DatasetOrigin;
}

const registry = z.object({
  format: z.literal('lora-studio folders 1'),
  folders: z.array(z.object({ id: z.string(), path: z.string().min(1), addedAt: z.number() })),
});
export type FolderRegistry = z.output<typeof registry>;

export const registryPath = (data: DataFolder): string => join(data.path, 'datasets.json');

/** The user's own folders. Throws DATASETS_INVALID where the file is not what was written. */
export function readRegistry(data: DataFolder): FolderRegistry {
  const path = registryPath(data);
  if (!existsSync(path)) return { format: 'lora-studio folders 1', folders: [] };
  try {
    return registry.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const hint = 'Mend it, or move it away and add the folders again.';
    throw badInput('DATASETS_INVALID', `${path} is not a list of folders`, hint, cause);
  }
}

/** What a folder within the data folder must be called to be told by its name. */
export const ownName = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_ .-]{0,79}$/u;

const hashOf = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 16);
export const folderId = (path: string): string => `folder:${hashOf(resolve(path))}`;

function foldersIn(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter(entry => !entry.name.startsWith('.'))
    .filter(entry => entry.isDirectory() || (entry.isSymbolicLink() && isFolderAt(join(root, entry.name))))
    .map(({ name }) => name)
    .sort();
}

const isFolderAt = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

const examplesFolder = (): string => projectPath('examples');

/** A folder that was put in by hand may be called anything: it is told by its hash. */
const ownPlace = (data: DataFolder, name: string): DatasetPlace => {
  const path = join(data.datasets, name);
  return { id: ownName.test(name) ? name : folderId(path), name, path, origin: 'own' };
};

const examplePlace = (name: string): DatasetPlace => ({
  ...{ id: `example:${name}`, name, origin: 'example' },
  path: join(examplesFolder(), name),
});

const folderPlace = (path: string): DatasetPlace => ({
  ...{ id: folderId(path), name: basename(path), origin: 'folder', path },
});

/** Own ones, the user's folders, then examples. */
export function datasetPlaces(data: DataFolder): DatasetPlace[] {
  return [
    ...foldersIn(data.datasets).map(name => ownPlace(data, name)),
    ...readRegistry(data).folders.map(({ path }) => folderPlace(path)),
    ...foldersIn(examplesFolder()).map(examplePlace),
  ];
}

function unknown(data: DataFolder, id: string): LoraError {
  const near = nearestWords(
    id,
    datasetPlaces(data).map(place => place.id),
    1,
  );
  const hint = near.length > 0 ? { hint: `Did you mean ${near[0]}?` } : {};
  return new LoraError('DATASET_UNKNOWN', `there is no data set ${JSON.stringify(id.slice(0, 90))}`, hint);
}

function placeOf(data: DataFolder, id: string): DatasetPlace | undefined {
  if (id.startsWith('folder:')) return datasetPlaces(data).find(place => place.id === id);
  const isExample = id.startsWith('example:');
  const name = isExample ? id.slice('example:'.length) : id;
  if (!ownName.test(name)) return undefined;
  const path = insideOf(isExample ? examplesFolder() : data.datasets, name);
  if (path === undefined || !isFolderAt(path)) return undefined;
  return isExample ? examplePlace(name) : ownPlace(data, name);
}

function insideOf(root: string, name: string): string | undefined {
  try {
    return resolveInside(root, name);
  } catch (error) {
    if (error instanceof LoraError && error.code === 'PATH_OUTSIDE') return undefined;
    throw error;
  }
}

/** Where a data set lies. Throws DATASET_UNKNOWN, or DATASET_MISSING where its folder is away. */
export function findDataset(data: DataFolder, id: string): DatasetPlace {
  const place = placeOf(data, id);
  if (!place) throw unknown(data, id);
  if (isFolderAt(place.path)) return place;
  const hint = 'Connect its drive, or take it out of the list.';
  throw new LoraError('DATASET_MISSING', `the folder of the data set ${place.name} is not there`, { hint });
}
