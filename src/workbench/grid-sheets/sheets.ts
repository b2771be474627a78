/** @file Draws the sheets of a grid with what is there of it. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/index.ts';
import type { GridFolder } from '../../generation/index.ts';
import { drawSheet } from '../sheets/sheet.ts';
import { largestPicture, textOfSheet } from './sheet-text.ts';

export interface WrittenSheet {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Pixels of the sheet for one of a picture; below 1 where the sheet would have been too large. */
  readonly scale: number;
}

/** Which pictures are on a sheet, so that one that would be the same is not drawn again. */
const contentOf = (files: readonly (readonly (string | undefined)[])[]): string => JSON.stringify(files);

/** Opens the sheets of a grid; the function draws those that have changed since it was last called. */
export function openSheets(folder: GridFolder, out: string): () => Promise<WrittenSheet[]> {
  const { grid } = folder;
  const drawn = new Map<string, { content: string; sheet: WrittenSheet }>();
  const cells = new Map(grid.cells.map(({ at, picture }) => [at.join(), picture]));
  return async () => {
    for (const sheet of grid.sheets) {
      const files = sheet.y.map(y =>
        sheet.x.map(x => folder.fileOf(cells.get([x, y, ...sheet.z].join()) ?? '')),
      );
      const content = contentOf(files);
      if (drawn.get(sheet.file)?.content === content) continue;
      const text = textOfSheet(grid, sheet);
      const { png, ...facts } = await drawSheet({ ...text, files, picture: largestPicture(grid) });
      const path = join(out, sheet.file);
      await writeFileAtomic(path, png);
      drawn.set(sheet.file, { content, sheet: { path, ...facts } });
    }
    return grid.sheets.flatMap(({ file }) => drawn.get(file)?.sheet ?? []);
  };
}
