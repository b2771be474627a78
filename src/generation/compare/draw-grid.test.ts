/** The folder of a grid: kept at every picture, gone on with, extended, never mixed with another. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { LoraError } from '../../errors.ts';
import { encodePng } from '../../files/index.ts';
import { openLoraFolders } from '../find-lora.ts';
import type { PictureSettings } from '../settings/schema.ts';
import { type DrawPictures, drawGrid, openSheetPace } from './draw-grid.ts';
import { openGridFolder } from './grid-folder.ts';
import { readGridRecord, recordedSeeds } from './grid-record.ts';
import { type Grid, planGrid } from './plan.ts';
import { openTimeLeft } from './time-left.ts';

const base: PictureSettings = {
  ...{ model: { name: 'm' }, prompt: 'a cat', negativePrompt: '', loras: [], merge: false, seed: 7n },
  ...{
    preset: 'lora',
    noise: 'cpu',
    emphasis: 'a1111',
    clipSkip: 1,
    sampler: 'DDIM',
    scheduler: 'Automatic',
  },
  ...{ steps: 4, guidance: 5, guidanceRescale: 0, width: 8, height: 8 },
};

const plan = (x: string, y?: string, change: Partial<PictureSettings> = {}): Promise<Grid> =>
  planGrid({
    x: { place: '--x', text: x },
    y: y === undefined ? undefined : { place: '--y', text: y },
    z: [],
    base: { ...base, ...change },
    ...{
      given: {},
      family: 'pocket',
      sizeRule: { latentScale: 8, levels: 1 },
      folders: openLoraFolders([]),
    },
  });

/** A picture that is made of nothing but its settings. */
function pictureOf({ seed, steps, guidance, width, height }: PictureSettings) {
  const data = new Uint8Array(3 * width * height).map((_, i) => Number(seed) * 31 + steps * 7 + guidance + i);
  return { width, height, data, png: encodePng({ width, height, channels: 3, data }) };
}

/** Draws until `most` pictures are done, then fails. */
const drawing =
  (drawn: PictureSettings[], most = Number.POSITIVE_INFINITY): DrawPictures =>
  async (all, { onPicture, onStep }) => {
    for (const [i, settings] of all.entries()) {
      if (i >= most) throw new Error('the lights went out');
      onStep?.(1, settings.steps);
      drawn.push(settings);
      await onPicture(i, pictureOf(settings));
    }
  };

/** Draws a grid; returns what was drawn. */
async function draw(out: string, grid: Grid, most?: number): Promise<PictureSettings[]> {
  const drawn: PictureSettings[] = [];
  const folder = await openGridFolder(out, grid);
  try {
    await drawGrid(folder, { draw: drawing(drawn, most), drawSheets: async () => {} });
  } finally {
    await folder.release();
  }
  return drawn;
}

/** All files of a folder with their bytes. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return Object.fromEntries(
    names.map(entry => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length), createHash('sha256').update(readFileSync(path)).digest('hex')];
    }),
  );
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((cause: unknown) => cause);
  if (!(error instanceof LoraError)) throw error;
  return `${error.code}: ${error.message}`;
}

test('what failed half way goes on with what is missing, to the same bytes', async () => {
  const grid = await plan('seed: 1-4', 'steps: 5,6');
  const [whole, broken] = [join(temporaryFolder(), 'a'), join(temporaryFolder(), 'b')];
  expect((await draw(whole, grid)).length).toBe(8);
  await expect(draw(broken, grid, 3)).rejects.toThrow('the lights went out');
  const there = readGridRecord(broken)?.pictures.filter(({ isThere }) => isThere);
  expect(there?.map(({ settings }) => settings)).toEqual(
    grid.pictures.slice(0, 3).map(({ settings }) => settings),
  );
  expect((await draw(broken, grid)).length).toBe(5);
  expect(contents(broken)).toEqual(contents(whole));
  expect(await draw(broken, grid)).toEqual([]);
});

test('a torn, an empty and a missing picture are drawn again', async () => {
  const grid = await plan('seed: 1-5');
  const out = join(temporaryFolder(), 'grid');
  await draw(out, grid);
  const before = contents(out);
  const path = (i: number): string => join(out, 'pictures', grid.pictures[i].file);
  writeFileSync(path(0), readFileSync(path(0)).subarray(0, -5));
  writeFileSync(path(1), '');
  rmSync(path(2));
  writeFileSync(join(out, 'pictures', `.${grid.pictures[3].file}.999999999-0.tmp`), 'half a picture');
  expect((await draw(out, grid)).map(({ seed }) => seed)).toEqual([1n, 2n, 3n]);
  const { [`/pictures/.${grid.pictures[3].file}.999999999-0.tmp`]: leftover, ...rest } = contents(out);
  expect(leftover).toBeDefined(); // never taken for a picture; gone when that picture is drawn again
  expect(rest).toEqual(before);
});

describe('another plan in the same folder', () => {
  test('more values, and more axes, keep the pictures that are there', async () => {
    const out = join(temporaryFolder(), 'grid');
    await draw(out, await plan('seed: 1,2'));
    const drawn = await draw(out, await plan('seed: 0-2', 'steps: 4, 9'));
    expect(drawn.map(({ seed, steps }) => `${seed}/${steps}`)).toEqual(['0/4', '0/9', '1/9', '2/9']);
    const names = readdirSync(join(out, 'pictures'));
    expect(names.filter(name => !name.includes('steps')).length).toBe(2); // those of before kept their names
  });

  test.each<[string, () => Promise<Grid>]>([
    ['fewer values', () => plan('seed: 1')],
    ['other values', () => plan('seed: 2,3')],
    ['other settings', () => plan('seed: 1,2', undefined, { prompt: 'a dog' })],
  ])('%s are another grid', async (_, other) => {
    const out = join(temporaryFolder(), 'grid');
    await draw(out, await plan('seed: 1,2'));
    const before = contents(out);
    expect(await refusal(draw(out, await other()))).toMatch(
      /^GRID_OTHER: .* holds a grid of 2 pictures over seed/,
    );
    expect(contents(out)).toEqual(before);
  });
});

describe('refused', () => {
  test.each<[string, (out: string) => void, RegExp]>([
    ['a file in the way', out => writeFileSync(out, 'mine'), /WRITE_NO_FOLDER/],
    [
      'somebody’s sheet',
      out => {
        mkdirSync(out);
        writeFileSync(join(out, 'sheet.png'), 'mine');
      },
      /OUT_EXISTS: .*sheet\.png is there already/,
    ],
    [
      'a record that is none',
      out => {
        mkdirSync(out);
        writeFileSync(join(out, 'grid.json'), '{"format":"lora-studio grid","version":9}');
      },
      /GRID_INVALID/,
    ],
    [
      'a record that leads out of the folder',
      out => {
        mkdirSync(out);
        const picture = { id: '0', file: '../../x.png', isThere: true, settings: {} };
        writeFileSync(
          join(out, 'grid.json'),
          JSON.stringify({
            ...{ format: 'lora-studio grid', version: 1, axes: [], cells: [], sheets: [] },
            pictures: [picture],
          }),
        );
      },
      /GRID_INVALID/,
    ],
  ])('%s', async (_, prepare, expected) => {
    const out = join(temporaryFolder(), 'grid');
    prepare(out);
    expect(await refusal(draw(out, await plan('seed: 1')))).toMatch(expected);
    expect(existsSync(join(out, 'pictures'))).toBe(false);
  });

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written to', async () => {
    const out = join(temporaryFolder(), 'grid');
    mkdirSync(out);
    chmodSync(out, 0o500);
    expect(await refusal(draw(out, await plan('seed: 1')))).toMatch(/WRITE_DENIED/);
  });

  test('two processes, or two grids of one', async () => {
    const out = join(temporaryFolder(), 'grid');
    const grid = await plan('seed: 1');
    const folder = await openGridFolder(out, grid);
    expect(await refusal(openGridFolder(out, grid))).toMatch(/OUTPUT_BUSY/);
    await folder.release();
    await (await openGridFolder(out, grid)).release();
  });
});

test('the seed that chance gave is kept with the grid', async () => {
  const out = join(temporaryFolder(), 'grid');
  const variation = { seed: 3n, strength: 0.5 };
  await draw(out, await plan('steps: 1,2', undefined, { seed: 2n ** 64n - 1n, variation }));
  expect(recordedSeeds(readGridRecord(out))).toEqual({ seed: 2n ** 64n - 1n, variationSeed: 3n });
  await draw(out, await plan('steps: 1,2', 'seed: 18446744073709551615, 4', { variation }));
  expect(recordedSeeds(readGridRecord(out)).seed).toBeUndefined();
  const varied = join(temporaryFolder(), 'grid');
  await draw(varied, await plan('steps: 1,2', 'variation strength: 0, 0.5', { variation }));
  expect(recordedSeeds(readGridRecord(varied)).variationSeed).toBe(3n);
  const none = { seed: undefined, variationSeed: undefined };
  expect(recordedSeeds(readGridRecord(join(out, 'nothing')))).toEqual(none);
});

test('sheets are drawn every 30 s, less often where that takes long', () => {
  let now = 0;
  const pace = openSheetPace(() => now);
  const due = (at: number): boolean => {
    now = at;
    return pace.isDue();
  };
  expect([due(29), due(30)]).toEqual([false, true]);
  pace.drawn(10);
  expect([due(200), due(230)]).toEqual([false, true]);
});

test('the time left goes by work, and the first picture, which opens the model, is forgotten', () => {
  const of = (steps: number, guidance = 5): PictureSettings => ({ ...base, steps, guidance });
  const left = openTimeLeft([of(10), of(10), of(20), of(20, 1)]);
  left.begin(100);
  expect(left.secondsLeft()).toBeUndefined();
  left.finished(0, 150);
  expect(left.secondsLeft()).toBeCloseTo(50 * (1 + 2 + 1));
  left.finished(1, 160);
  expect(left.secondsLeft()).toBeCloseTo(10 * (2 + 1));
  left.finished(2, 180);
  expect(left.secondsLeft()).toBeCloseTo(10);
});
