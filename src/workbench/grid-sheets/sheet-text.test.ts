/** What stands over a sheet: only what is true of its pictures. */
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openLoraFolders, type PictureSettings, planGrid } from '../../generation/index.ts';
import type { SheetText } from '../sheets/layout.ts';
import { textOfSheet } from './sheet-text.ts';

const base: PictureSettings = {
  ...{ model: { name: 'm' }, negativePrompt: '', loras: [], merge: false, seed: 7n, preset: 'lora' },
  ...{ prompt: 'a red cat at night', noise: 'cpu', emphasis: 'a1111', clipSkip: 1, sampler: 'DDIM' },
  ...{ scheduler: 'Automatic', steps: 4, guidance: 5, guidanceRescale: 0, width: 64, height: 64 },
};

async function textsOf(x: string, z: readonly string[] = [], prompt = base.prompt): Promise<SheetText[]> {
  const grid = await planGrid({
    x: { place: '--x', text: x },
    z: z.map(text => ({ place: '--z', text })),
    ...{ base: { ...base, prompt }, given: {}, family: 'pocket', sizeRule: { latentScale: 8, levels: 1 } },
    folders: openLoraFolders([temporaryFolder()]),
  });
  return grid.sheets.map(sheet => textOfSheet(grid, sheet));
}

/** Titles of all sheets. */
const titles = async (...given: Parameters<typeof textsOf>): Promise<string[]> =>
  (await textsOf(...given)).map(({ title }) => title);

describe('the title', () => {
  test('is the prompt of all pictures', async () => {
    expect(await titles('seed: 1,2')).toEqual(['a red cat at night']);
    expect(await titles('seed: 1,2', [], '')).toEqual(['(no prompt)']);
    expect(await titles('seed: 1,2', ['prompt: a dog, a fox'])).toEqual(['a dog', 'a fox']);
  });

  test('says what changed prompts have in common', async () => {
    expect(await titles('S/R: red, blue, "deep, dark"')).toEqual(['a … cat at night']);
    expect(await titles('prompt order: red, cat')).toEqual(['a … at night']);
    expect(await titles('S/R: a red cat at night, two dogs')).toEqual(['']);
  });

  test('is left out over whole prompts: what was typed may be on no picture', async () => {
    expect(await titles('prompt: a dog, a fox')).toEqual(['']);
    expect(await titles('prompt: a dog')).toEqual(['a dog']);
  });
});

test('the caption says of the sampler what all pictures share, and nothing that an axis says', async () => {
  const caption = async (x: string): Promise<string> => (await textsOf(x))[0].caption;
  expect(await caption('seed: 1,2')).toMatch(/ {2}· {2}DDIM {2}·/);
  expect(await caption('scheduler: Karras, Simple')).toMatch(/ {2}· {2}DDIM {2}·/);
  expect(await caption('sampler: Euler a, DPM++ 2M')).not.toMatch(/DDIM|Euler|DPM/);
});
