/** @file A grid as plain data: its axes, its cells by their labels, its pictures. */
import { type GridFolder, type GridPicture, portableSettings } from '../../generation/index.ts';

/** Bytes that a picture of noise takes at most. */
const bytesOf = ({ settings: { hires, width, height } }: GridPicture): number =>
  3 * (hires ? hires.width * hires.height : width * height) + 4096;

/** Bytes that the pictures which are missing take at most. */
export const missingBytes = (folder: GridFolder): number =>
  folder.missing().reduce((sum, picture) => sum + bytesOf(picture), 0);

export interface GridFacts {
  readonly axes: readonly unknown[];
  readonly cells: readonly unknown[];
  readonly pictures: readonly unknown[];
}

/** Files are named by `nameOf`; null where a picture is missing. */
export function gridFacts(
  { grid, fileOf }: GridFolder,
  nameOf: (path: string) => string = path => path,
  settingsOf: (settings: GridPicture['settings']) => unknown = portableSettings,
): GridFacts {
  const { axes, cells, pictures } = grid;
  const file = (id: string): string | null => {
    const path = fileOf(id);
    return path === undefined ? null : nameOf(path);
  };
  return {
    axes: axes.filter(({ title }) => title !== ''),
    cells: cells.map(({ at, picture }) => ({
      at,
      values: Object.fromEntries(
        axes.flatMap(({ title, values }, i) => (title === '' ? [] : [[title, values[at[i]].label]])),
      ),
      file: file(picture),
    })),
    pictures: pictures.map(({ id, settings }) => ({ id, file: file(id), settings: settingsOf(settings) })),
  };
}
