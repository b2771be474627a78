/** Pictures that we write, as sd-parsers, sd-prompt-reader, Pillow, piexif and exiftool read them (tools/goldens/written_pictures.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodePicture, pictureFormats } from '../../src/generation/metadata/encode-picture.ts';
import { parseInfotext } from '../../src/generation/metadata/infotext.ts';
import { infotextOf } from '../../src/generation/metadata/infotext-of.ts';
import { parsePictureJson, pictureJson } from '../../src/generation/metadata/picture-json.ts';
import { readPictureText } from '../../src/generation/metadata/read-picture-text.ts';
import { version } from '../../src/version.ts';
import { type PictureCase, pictureCases, testPixels } from '../support/picture-settings.ts';

interface Reading {
  readonly text: string;
  readonly sdParsers: {
    readonly program: string;
    readonly sampler: string;
    readonly parameters: Readonly<Record<string, string>>;
    readonly model: { readonly name: string; readonly hash: string | null };
    readonly prompts: readonly string[];
    readonly negativePrompts: readonly string[];
    readonly metadata: Readonly<Record<string, unknown>>;
  };
  readonly promptReader: Readonly<Record<string, string>>;
  readonly exiftool: Readonly<Record<string, string>>;
}
const text = readFileSync(new URL('./data/written-pictures.json', import.meta.url), 'utf8');
/** The readings were made of the version of their day. */
const golden: Readonly<Record<string, Reading>> = JSON.parse(
  text.replace(/lora-studio \d+\.\d+\.\d+[-\w.]*/g, `lora-studio ${version}`),
);

const bytesOf = ({ settings, facts, mark }: PictureCase, format: (typeof pictureFormats)[number]) =>
  encodePicture(testPixels(16, 12), {
    ...{ format, settings, parameters: infotextOf(settings, facts), mark, device: 'cpu' },
  });
const cases = pictureCases.flatMap(picture =>
  pictureFormats.map(format => ({ ...picture, format, picture })),
);

describe.each(cases)('$name as $format', ({ name, settings, facts, mark, format, picture }) => {
  const reading = golden[`${name}.${format}`];
  const parameters = infotextOf(settings, facts);

  test('every reader finds the text and the fields that were written', () => {
    expect(reading.text).toBe(parameters);
    const [prompt, negativePrompt = ''] = parameters.split(/\nSteps: /)[0].split('\nNegative prompt: ');
    const { sdParsers, promptReader } = reading;
    expect(sdParsers).toMatchObject({
      program: 'AUTOMATIC1111',
      sampler: settings.sampler,
      parameters: {
        steps: String(settings.steps),
        scheduler: settings.scheduler,
        cfg_scale: String(settings.guidance),
        seed: String(settings.seed),
      },
      model: { name: settings.model.name, hash: facts.modelHash?.slice(0, 10) ?? null },
      prompts: [prompt],
      negativePrompts: negativePrompt ? [negativePrompt] : [],
    });
    expect(promptReader).toEqual({
      ...{ program: 'A1111 webUI', status: 'READ_SUCCESS', positive: prompt, negative: negativePrompt },
      ...{ model: settings.model.name, sampler: settings.sampler, seed: String(settings.seed) },
      ...{ cfg: String(settings.guidance), steps: String(settings.steps) },
      size: `${settings.width}x${settings.height}`,
    });
    // Whatever else stands in the line: sd-parsers gives all fields that have no quotes.
    for (const [field, value] of Object.entries(sdParsers.metadata))
      if (typeof value === 'string') expect(parameters).toContain(`${field}: ${value}`);
  });

  test('exiftool finds text, mark and record, and nothing wrong', () => {
    const { Warning, Error: broken, UserComment, Parameters, DigitalSourceType, Picture } = reading.exiftool;
    expect([Warning, broken]).toEqual([undefined, undefined]);
    expect(UserComment ?? Parameters).toBe(parameters);
    const type = settings.init ? 'compositeWithTrainedAlgorithmicMedia' : 'trainedAlgorithmicMedia';
    expect(DigitalSourceType).toBe(
      mark ? `http://cv.iptc.org/newscodes/digitalsourcetype/${type}` : undefined,
    );
    const hash = createHash('sha256').update(pictureJson(settings, 'cpu')).digest('hex');
    expect(Picture).toBe(format === 'png' ? undefined : hash);
  });

  test('we read back every setting, and equal settings give equal bytes', async () => {
    const bytes = await bytesOf(picture, format);
    expect(Buffer.compare(bytes, await bytesOf(picture, format))).toBe(0);
    expect(Buffer.from(bytes).toString('latin1')).not.toContain('someone'); // the folders of this machine
    const read = await readPictureText(bytes);
    expect(read).toMatchObject({ program: 'lora-studio', parameters });
    expect([read.findings, read.other]).toEqual([[], {}]);
    expect(read.record?.made).toEqual({ with: 'lora-studio', version, device: 'cpu' });
    expect(read.record).toEqual(parsePictureJson(JSON.parse(pictureJson(settings, 'cpu'))));
    expect(read.record?.settings.seed).toBe(settings.seed);
    expect(read.settings).toMatchObject({
      ...{
        seed: settings.seed,
        steps: settings.steps,
        sampler: settings.sampler,
        scheduler: settings.scheduler,
      },
      ...{ guidance: settings.guidance, clipSkip: settings.clipSkip, noise: settings.noise, preset: 'lora' },
      ...{ width: settings.width, height: settings.height },
    });
  });

  test('the picture is still a picture', async () => {
    const { data, info } = await sharp(await bytesOf(picture, format))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([16, 12]);
    if (format === 'png') expect(Buffer.compare(data, Buffer.from(testPixels(16, 12).data))).toBe(0);
  });
});

test('the fields of A1111 hold what the settings do', async () => {
  const read = async (name: string) => {
    const found = pictureCases.find(one => one.name === name);
    return (await readPictureText(await bytesOf(found as PictureCase, 'png'))).settings;
  };
  expect(await read('words')).toMatchObject({
    ...{ guidanceRescale: 0.7, emphasis: 'a1111-nonorm', noise: 'philox', clipSkip: 2 },
    model: { name: 'v1-5-pruned-emaonly', hash: '6ce0161689' },
    loras: [
      { name: 'carol', hash: 'aaaabbbbcccc', strength: 0.5, inPrompt: true },
      {
        name: 'alice',
        hash: '0123456789ab',
        strength: 0.8,
        textStrength: 0.5,
        blocks: 'INALL',
        start: '5',
        stop: '0.75',
      },
      { name: 'bo,b', hash: 'ba9876543210', strength: 1 },
    ],
    embeddings: [{ name: 'easynegative', hash: 'c74b4e810b03' }],
  });
  expect(await read('hires')).toMatchObject({
    ...{ denoising: 0.55, variation: { seed: 5n, strength: 0.25 }, noiseSize: { width: 32, height: 48 } },
    hires: {
      ...{ width: 128, height: 128, upscaler: 'latent-bicubic-antialiased', steps: 10, sampler: 'DDIM' },
      ...{ scheduler: 'Uniform', guidance: 5, prompt: 'a larger cat', negativePrompt: 'x, y' },
    },
  });
  expect(await read('hires by size')).toMatchObject({
    hires: { width: 100, height: 136, upscaler: 'lanczos' },
  });
  expect(await read('inpaint')).toMatchObject({
    samplerOptions: { eta: 0.5, noise: 1.01, churn: 3, churnFrom: 0.1, churnTo: 20 },
    init: { hash: 'c0ffee'.padEnd(64, '2') },
    inpaint: { blur: 4, invert: true, content: 'latent-noise', area: 'masked', padding: 32 },
  });
});

test('A1111’s own rule reads the hashes, with Civitai’s behind them', () => {
  const { settings, facts } = pictureCases.find(({ name }) => name === 'words') as PictureCase;
  expect(parseInfotext(infotextOf(settings, facts)).fields).toMatchObject({
    ...{
      Steps: '20',
      Model: 'v1-5-pruned-emaonly',
      'Model hash': '6ce0161689',
      Version: `lora-studio ${version}`,
    },
    'Lora hashes': 'carol: aaaabbbbcccc, alice: 0123456789ab, bob: ba9876543210',
    'TI hashes': 'easynegative: c74b4e810b03',
  });
});

test('paths in tags leave only the file', () => {
  const [{ settings }] = pictureCases;
  const prompt = 'a <lora:/mnt/someone/alice.safetensors:0.5> <lora:../x/bob> <lora:people/carol:1>';
  const hidden = 'a <lora:alice:0.5> <lora:bob> <lora:people/carol:1>';
  const given = { ...settings, prompt, templates: { prompt, negativePrompt: '' } };
  expect(infotextOf(given).split('\n')[0]).toBe(hidden);
  const { settings: written } = parsePictureJson(JSON.parse(pictureJson(given)));
  expect(written).toMatchObject({ prompt: hidden, templates: { prompt: hidden } });
});

test('records of later versions and broken ones say so', async () => {
  const json = JSON.parse(pictureJson(pictureCases[0].settings));
  const parse = (change: object) => () => parsePictureJson({ ...json, ...change });
  expect(parse({ version: 2, settings: 'something new' })).toThrow(
    expect.objectContaining({ code: 'PICTURE_JSON_NEWER' }),
  );
  for (const change of [
    { version: 0 },
    { format: 'x' },
    { settings: { ...json.settings, steps: 0 } },
    { made: null },
  ])
    expect(parse(change)).toThrow(expect.objectContaining({ code: 'PICTURE_JSON_INVALID' }));
  expect(() => parsePictureJson(null)).toThrow(expect.objectContaining({ code: 'PICTURE_JSON_INVALID' }));
  expect(parse({})().settings).toEqual({
    ...pictureCases[0].settings,
    model: { name: 'v1-5-pruned-emaonly', path: 'v1-5-pruned-emaonly.safetensors' },
  });
});

test('a JPEG that cannot hold the text is refused, a WebP holds it', async () => {
  const [{ settings }] = pictureCases;
  const parameters = 'x'.repeat(40_000);
  const options = { settings, parameters, mark: true };
  await expect(encodePicture(testPixels(8, 8), { ...options, format: 'jpeg' })).rejects.toMatchObject({
    code: 'JPEG_TEXT_TOO_LONG',
  });
  const webp = await encodePicture(testPixels(8, 8), { ...options, format: 'webp' });
  expect((await readPictureText(webp)).record?.settings.steps).toBe(20);
});
