/** @file What goes out of the studio says of files what they are called, not where on this machine they lie. */
import { basename, sep } from 'node:path';
import { projectPath } from '../workbench/index.ts';
import type { StudioContext } from './context.ts';

type Stores = Pick<StudioContext, 'data' | 'library'>;

/** A folder of this machine, and what it is called where it stands alone. */
interface Place {
  readonly path: string;
  readonly name: string;
  /** What stands before a file in it. */
  readonly before: string;
}

const keptMs = 2000;
const kept = new WeakMap<object, { readonly places: readonly Place[]; readonly until: number }>();

const withoutEnd = (path: string): string =>
  path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path;

/** Deepest first: a folder of the library may lie in the data folder. */
function findPlaces({ data, library }: Stores): readonly Place[] {
  const folders = library.folders().map(({ path }) => ({
    ...{ path: withoutEnd(path), name: basename(path), before: `${basename(path)}/` },
  }));
  const own = [
    { path: data.path, name: 'the data folder', before: '' },
    { path: data.cache, name: 'the cache', before: '' },
    { path: withoutEnd(projectPath('.')), name: 'the program', before: '' },
  ];
  return [...own, ...folders.filter(({ path }) => !own.some(one => one.path === path))]
    .filter(({ path }) => path.length > 1)
    .sort((a, b) => b.path.length - a.path.length);
}

function placesOf(stores: Stores): readonly Place[] {
  const found = kept.get(stores.library);
  if (found && found.until > performance.now()) return found.places;
  const places = findPlaces(stores);
  kept.set(stores.library, { places, until: performance.now() + keptMs });
  return places;
}

/** The text of an error, a note or a log line, without the folders of this machine. */
export function withoutPlaces(text: string, stores: Stores): string {
  if (!text.includes(sep)) return text;
  return placesOf(stores).reduce(
    (said, { path, name, before }) =>
      said.includes(path)
        ? said
            .replaceAll(`${path}${sep}`, () => before)
            .split(path)
            // `/data` is no part of `/data2`.
            .reduce((left, right) => left + (/^[\w.-]/.test(right) ? path : name) + right)
        : said,
    text,
  );
}
