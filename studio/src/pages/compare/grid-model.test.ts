/** @file Grids of results and of progress. */
import { expect, test } from 'vitest';
import { cellAt, cellLabel, finishedGrid, runningGrid } from './grid-model.ts';

const values = (...labels: string[]) => labels.map(label => ({ label }));
const artefact = (name: string) => ({
  ...{ name, type: 'picture' as const, fileName: `${name}.png`, bytes: 1, sha256: '' },
  ...{ url: `/api/v1/jobs/a/artefacts/${name}`, pictureId: `id-${name}` },
});

test('a finished grid of y alone: the place of the missing x is left out', () => {
  const grid = finishedGrid({
    artefacts: [artefact('picture-1'), artefact('picture-2')],
    result: {
      axes: [{ title: 'strength', values: values('0', '1') }],
      cells: [
        { at: [0, 0], file: 'picture-1' },
        { at: [0, 1], file: 'picture-2' },
      ],
      pictures: [
        { file: 'picture-1', settings: { seed: 1 } },
        { file: 'picture-2', settings: { seed: 2 } },
      ],
    },
  });
  expect(grid?.cells.map(({ at }) => at)).toEqual([[0], [1]]);
  expect(cellAt(grid!, [1])).toMatchObject({ pictureId: 'id-picture-2', settings: { seed: 2 } });
  expect(cellLabel(grid!, grid!.cells[1]!)).toBe('strength 1');
});

test('a running grid: x changes first, cells that are the same picture share it', () => {
  const detail = {
    grid: {
      axes: [
        { title: 'lora', values: values('none', 'a') },
        { title: 'strength', values: values('0.5', '1') },
      ],
      cells: [0, 1, 0, 2],
    },
  };
  const grid = runningGrid({ detail }, new Map([['picture-1', '/p1']]))!;
  expect(grid.cells.map(({ at, url }) => [at, url])).toEqual([
    [[0, 0], '/p1'],
    [[1, 0], undefined],
    [[0, 1], '/p1'],
    [[1, 1], undefined],
  ]);
});

test('nothing told, no grid', () => {
  expect(runningGrid(undefined, new Map())).toBeUndefined();
  expect(finishedGrid({ artefacts: [] })).toBeUndefined();
});
