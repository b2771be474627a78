/** A1111's requests as jobs: seeds of several pictures, sizes, switches, settings. */
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { readPngText } from '../../../files/index.ts';
import { type Img2Img, img2imgBody, txt2imgBody } from './fields.ts';
import { gridSize } from './grid.ts';
import { withInfotext } from './infotext.ts';
import { payloadsOf } from './payload.ts';
import { withPngText } from './png-text.ts';
import { usedSettings } from './used-settings.ts';

const none = { fields: {}, notApplied: [] };
const fromText = (body: object) => payloadsOf(txt2imgBody.parse(body), 'pocket', none);
const upload = (digit: string): string => digit.repeat(32);
function fromPictures(body: object, count: number) {
  const asked: Img2Img = { init_images: [], ...img2imgBody.parse(body) };
  const inits = Array.from({ length: count }, (_, i) => upload(String(i + 1)));
  return payloadsOf(asked, 'pocket', none, { inits });
}

test('defaults are those of A1111', () => {
  const [payload] = fromText({}).payloads;
  expect(payload).toMatchObject({
    ...{ prompt: '', negativePrompt: '', steps: 50, guidance: 7, width: 512, height: 512, count: 1 },
    ...{ batch: 1, sampler: 'Euler', preset: 'a1111', keep: false },
  });
  const [nulls] = fromText({ prompt: null, steps: null, width: null, sampler_name: null }).payloads;
  expect(nulls).toMatchObject({ steps: 50, width: 512, sampler: 'Euler' });
});

test('several pictures to start from are a batch; every run of it counts seeds on', () => {
  const { payloads, batchSize } = fromPictures({ batch_size: 4, n_iter: 2, seed: 10 }, 3);
  expect(batchSize).toBe(3);
  expect(payloads.map(({ seed, init }) => [seed, init?.picture[0]])).toEqual([
    [10, '1'],
    [11, '2'],
    [12, '3'],
    [13, '1'],
    [14, '2'],
    [15, '3'],
  ]);
  expect(() => fromPictures({ batch_size: 2 }, 3)).toThrow('expecting 2 or less');
});

test('with a variation the seed stays and the other one is counted on', () => {
  const { payloads } = fromPictures({ batch_size: 2, seed: 10, subseed: 70, subseed_strength: 0.2 }, 2);
  expect(payloads.map(({ seed, variation }) => [seed, variation?.seed])).toEqual([
    [10, 70],
    [10, 71],
  ]);
});

test('seeds beyond what JSON numbers hold stay exact', () => {
  const { payloads } = fromPictures({ batch_size: 2, seed: '18446744073709551614' }, 2);
  expect(payloads.map(({ seed }) => seed)).toEqual(['18446744073709551614', '18446744073709551615']);
});

test('sizes are cut to multiples of 8; the old names of hires fix still work', () => {
  const [plain] = fromText({ width: 519, height: 513 }).payloads;
  expect([plain.width, plain.height]).toEqual([512, 512]);
  const [old] = fromText({
    ...{ enable_hr: true, firstphase_width: 256, firstphase_height: 256, width: 512, height: 640 },
  }).payloads;
  expect(old).toMatchObject({ width: 256, height: 256, hires: { toWidth: 512, toHeight: 640 } });
});

test.each([
  ['ControlNet without units', { ControlNet: { args: [] } }, true],
  ['ADetailer switched off', { ADetailer: { args: [false] } }, true],
  ['a unit that is not enabled', { ControlNet: { args: [{ enabled: false, image: 'x' }] } }, true],
  ['two units, the second enabled', { ControlNet: { args: [{ enabled: false }, { enabled: true }] } }, false],
  ['ADetailer', { ADetailer: { args: [true, { ad_model: 'face' }] } }, false],
])('%s', (_, alwayson_scripts, isPassed) => {
  const ask = () => fromText({ alwayson_scripts });
  if (isPassed) expect(ask).not.toThrow();
  else expect(ask).toThrow(/not found/);
});

test('LoRAs switched off take their tags along', () => {
  const body = {
    prompt: 'a <lora:x:1> b<lyco:y>',
    negative_prompt: '<lora:z:0.1>',
    disable_extra_networks: true,
  };
  expect(fromText(body).payloads[0]).toMatchObject({ prompt: 'a  b', negativePrompt: '' });
});

test('settings: overrides go over options, and what does nothing is told', () => {
  const options = new Map<string, unknown>([
    ['CLIP_stop_at_last_layers', 2],
    ['samples_format', 'jpg'],
    ['jpeg_quality', 70],
  ]);
  expect(usedSettings(options, {}).fields).toEqual({ clipSkip: 2, format: 'jpeg', quality: 70 });
  const over = usedSettings(options, {
    samples_format: 'png',
    sd_vae: 'Automatic',
    eta_noise_seed_delta: 31337,
  });
  expect(over).toEqual({ fields: { clipSkip: 2 }, notApplied: ['setting eta_noise_seed_delta'] });
  expect(() => usedSettings(options, { randn_source: 'TPU' })).toThrow('gpu, nv, cpu');
});

test('an infotext fills what is open; a known model becomes the base', () => {
  const infotext =
    'a cat\nSteps: 30, Sampler: DPM++ 2M, CFG scale: 5, Seed: 9, Size: 64x96, Model hash: abc1234567, Hires resize: 128x192, Hires upscaler: Lanczos, RNG: CPU';
  const body = txt2imgBody.parse({ infotext, prompt: '', steps: 4 });
  const { asked, notApplied } = withInfotext(body, hash => hash === 'abc1234567');
  expect(asked).toMatchObject({
    ...{ prompt: '', steps: 4, seed: '9', width: 64, height: 96, enable_hr: true, hr_resize_x: 128 },
    override_settings: { sd_model_checkpoint: 'abc1234567', randn_source: 'CPU' },
  });
  expect(notApplied).toEqual([]);
});

test.each([
  [2, { rows: 1, columns: 2 }],
  [3, { rows: 2, columns: 2 }],
  [4, { rows: 2, columns: 2 }],
  [5, { rows: 2, columns: 3 }],
  [12, { rows: 3, columns: 4 }],
])('a grid of %i', (count, size) => expect(gridSize(count)).toEqual(size));

test('texts of a PNG: Latin-1 and others are read back, and the picture with them', async () => {
  const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const texts = { parameters: 'größe\nSteps: 1', postprocessing: 'ゾルビ' };
  const told = withPngText(png, { ...texts, empty: '' });
  expect(readPngText(told)).toMatchObject(texts);
  expect((await sharp(told).metadata()).width).toBe(3);
});
