/** What stands over a sheet: only what is true of its pictures. */
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openLoraFolders, type PictureSettings, planGrid } from '../../generation/index.ts';
import { textOfSheet } from './sheet-text.ts';

const base: PictureSettings = {
  ...{ model: { name: 'm' }, negativePrompt: '', loras: [], merge: false, seed: 7n, preset: 'lora' },
  ...{ prompt: 'a red cat at night', noise: 'cpu', emphasis: 'a1111', clipSkip: 1, sampler: 'DDIM' },
  ...{ scheduler: 'Automatic', steps: 4, guidance: 5, guidanceRescale: 0, width: 64, height: 64 },
};

/** Titles of all sheets. */
async function titles(x: string, z: readonly string[] = [], prompt = base.prompt): Promise<string[]> {
  const grid = await planGrid({
    x: { place: '--x', text: x },
    z: z.map(text => ({ place: '--z', text })),
    ...{ base: { ...base, prompt }, given: {}, family: 'pocket', sizeRule: { latentScale: 8, levels: 1 } },
    folders: openLoraFolders([temporaryFolder()]),
  });
  return grid.sheets.map(sheet => textOfSheet(grid, sheet).title);
}

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
