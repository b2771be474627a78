/** A wish becomes complete settings: one a picture, in the schema, with words for what was changed. */
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openCheckpoint } from '../../models/index.ts';
import { openWildcards } from '../prompt/wildcards.ts';
import { pictureSettingsSchema, presetNames } from './schema.ts';
import { type PictureWish, type Settled, settlePictures } from './settle.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const plain: PictureWish = {
  ...{ prompt: 'a cat', negativePrompt: '', loras: [], merge: false, seed: 7n, count: 1, preset: 'lora' },
  ...{ sampler: 'DDIM', steps: 20, guidance: 4.5, guidanceRescale: 0 },
};
const settle = (given: Partial<PictureWish> = {}): Promise<Settled> =>
  settlePictures({ ...plain, ...given }, { checkpoint, wildcards: openWildcards([]) });

async function picture(width: number, height: number): Promise<string> {
  const path = join(temporaryFolder(), 'a.png');
  await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .png()
    .toFile(path);
  return path;
}

test('settings are those of the schema, with nothing to tell', async () => {
  const { settings, findings } = await settle();
  expect(findings).toEqual([]);
  expect(pictureSettingsSchema.parse(settings[0])).toEqual(settings[0]);
  expect(settings[0]).toMatchObject({ width: 64, height: 64, noise: 'cpu', clipSkip: 1, seed: 7n });
});

test('picture i has seed + i, round at 2⁶⁴; with a variation that seed counts on', async () => {
  const { settings } = await settle({ seed: 2n ** 64n - 1n, count: 3 });
  expect(settings.map(({ seed }) => seed)).toEqual([2n ** 64n - 1n, 0n, 1n]);
  const varied = await settle({ count: 2, variation: { seed: 40n, strength: 0.5 } });
  expect(varied.settings.map(({ seed, variation }) => [seed, variation?.seed])).toEqual([
    [7n, 40n],
    [7n, 41n],
  ]);
});

test('each picture chooses its alternatives by its own seed, as alone', async () => {
  const prompt = '{red|green|blue|white|black} car';
  const { settings } = await settle({ prompt, count: 20 });
  expect(new Set(settings.map(({ prompt: chosen }) => chosen)).size).toBeGreaterThan(2);
  for (const [i, together] of settings.entries()) {
    const alone = await settle({ prompt, seed: 7n + BigInt(i) });
    expect(alone.settings[0]).toEqual(together);
  }
  expect(settings[0].templates?.prompt).toBe(prompt);
  const { settings: asIs } = await settle({ prompt, preset: 'diffusers' });
  expect(asIs[0]).toMatchObject({ prompt });
});

test('a size is rounded with a word; a picture to start from gives its shape in the area of the model', async () => {
  const rounded = await settle({ size: { width: 60, height: 68 } });
  expect(rounded.settings[0]).toMatchObject({ width: 64, height: 72 });
  expect(rounded.findings.join('\n')).toMatch(/width 60 → 64[\s\S]*height 68 → 72/);
  const init = { path: await picture(256, 128), strength: 0.5, resize: 'crop' } as const;
  const started = await settle({ init });
  const { width, height } = started.settings[0];
  expect(width / height).toBeCloseTo(2, 0);
  expect(width * height).toBeLessThanOrEqual(1.1 * 64 * 64);
  expect(started.findings.join('\n')).toMatch(/the picture to start from is 256×128/);
  const asked = await settle({ init, size: { width: 64, height: 32 } });
  expect(asked.findings).toEqual([]);
});

test('clip skip is held as A1111 counts it, and refused in the numbers of the preset', async () => {
  for (const preset of presetNames) {
    const first = preset === 'diffusers' ? 0 : 1;
    for (const skipped of [0, 1]) {
      const { settings } = await settle({ preset, clipSkip: first + skipped });
      expect(settings[0].clipSkip).toBe(1 + skipped);
    }
    const range = `allows ${first} to ${first + 1}`; // the pocket model reads with 2 layers
    await expect(settle({ preset, clipSkip: first + 2 })).rejects.toMatchObject({
      code: 'CLIP_SKIP_INVALID',
      message: expect.stringContaining(`clip skip ${first + 2}: the text encoder of pocket ${range}`),
    });
    await expect(settle({ preset, clipSkip: first - 1 })).rejects.toThrow(range);
  }
});

test('what no option checks is refused here too, before anything is drawn', async () => {
  const path = await picture(64, 64);
  const inpaint = { path, blur: 4, invert: false, content: 'original', area: 'whole', padding: -3 } as const;
  const init = { path, strength: 0.5, resize: 'crop' } as const;
  await expect(settle({ init, inpaint })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringContaining('inpaint.padding'),
  });
  await expect(settle({ guidance: Number.NaN })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  await expect(settle({ inpaint: { ...inpaint, padding: 3 } })).rejects.toMatchObject({
    code: 'MASK_WITHOUT_PICTURE',
  });
  const hires = { upscaler: 'Latent', scale: 2, strength: 0.5 };
  await expect(settle({ hires: { ...hires, steps: 0 } })).rejects.toMatchObject({ code: 'STEPS_INVALID' });
});
