/** Settings to picture files, as the command line, comparisons and the server draw them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomLora, writeTestLora } from '../../test/support/loras.ts';
import { stripes, temporaryFolder } from '../../test/support/pictures.ts';
import { encodePng, serializeSafetensors } from '../files/index.ts';
import { openCheckpoint } from '../models/index.ts';
import {
  type DrawHooks,
  type FinishedPicture,
  openEmbeddings,
  openLoraFolders,
  openWildcards,
  openWorkshop,
  type PictureSettings,
  type PictureWish,
  readPicture,
  readPictureText,
  settlePictures,
} from './index.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);

const loraFile = (name: string, lora: Parameters<typeof randomLora>[1]): void =>
  writeTestLora(at('loras', `${name}.safetensors`), randomLora(checkpoint, lora));

/** A word of one vector. */
function embeddingFile(name: string): void {
  const values = Float32Array.from({ length: 128 }, (_, i) => Math.sin(7 * i));
  const tensor = { name: 'emb_params', dtype: 'float32', shape: [1, 128] } as const;
  const bytes = serializeSafetensors([{ ...tensor, bytes: new Uint8Array(values.buffer) }], {});
  writeFileSync(at('embeddings', `${name}.safetensors`), bytes);
}

for (const name of ['loras', 'embeddings', 'wildcards']) mkdirSync(at(name));
loraFile('alice', { seed: 1, rank: 4 });
loraFile('bob', { seed: 2, rank: 8 });
embeddingFile('zorbi');
writeFileSync(at('wildcards', 'colour.txt'), ['red', 'blue', 'green', 'yellow', 'white', 'pink'].join('\n'));
writeFileSync(at('start.png'), stripes(64, 64, 1));

const wildcards = openWildcards([at('wildcards')]);
const options = {
  checkpoint,
  loras: openLoraFolders([at('loras')]),
  embeddings: openEmbeddings([at('embeddings')]),
};
const workshop = openWorkshop(options);
afterAll(() => workshop.release());

const plain: PictureWish = {
  ...{ prompt: 'a red car on the beach', negativePrompt: 'snow', loras: [], merge: false },
  ...{ seed: 3n, count: 1, preset: 'lora', sampler: 'Euler a', steps: 3, guidance: 4.5, guidanceRescale: 0 },
  size: { width: 64, height: 64 },
};

const settle = async (wish: Partial<PictureWish>): Promise<PictureSettings[]> =>
  (await settlePictures({ ...plain, ...wish }, { checkpoint, wildcards })).settings;

async function drawAll(
  settings: readonly PictureSettings[],
  hooks: Partial<DrawHooks> = {},
  from = workshop,
): Promise<FinishedPicture[]> {
  const pictures: FinishedPicture[] = [];
  await from.draw(settings, {
    ...hooks,
    onPicture: (index, picture) => {
      pictures[index] = picture;
    },
  });
  return pictures;
}

const drawOne = async (wish: Partial<PictureWish>): Promise<FinishedPicture> =>
  (await drawAll(await settle(wish)))[0];

type Pixels = Pick<FinishedPicture, 'data'>;
/** Levels between the pixels of two pictures: the mean and the most. */
function apart(a: Pixels, b: Pixels): { mean: number; most: number } {
  expect(a.data).toHaveLength(b.data.length);
  const levels = [...a.data].map((value, i) => Math.abs(value - b.data[i]));
  return { mean: levels.reduce((sum, level) => sum + level, 0) / levels.length, most: Math.max(...levels) };
}
const isSame = (a: Pixels, b: Pixels): boolean => Buffer.compare(a.data, b.data) === 0;
/** More than rounding: a person sees it. */
const seen = 2;

let base: FinishedPicture;
beforeAll(async () => {
  base = await drawOne({});
});

describe('files', () => {
  test('the same settings give the same bytes, in another workshop too', async () => {
    expect(Buffer.compare((await drawOne({})).bytes, base.bytes)).toBe(0);
    const other = openWorkshop(options);
    const [again] = await drawAll(await settle({}), {}, other);
    await other.release();
    expect(Buffer.compare(again.bytes, base.bytes)).toBe(0);
  });

  test.each([
    ['png', '\x89PNG', 0],
    ['jpeg', '\xff\xd8\xff', 6],
    ['webp', 'RIFF', 6],
  ] as const)('%s: pixels and texts come back', async (format, magic, mostMean) => {
    const writing = openWorkshop({ ...options, format });
    const [drawn] = await drawAll(await settle({}), {}, writing);
    await writing.release();
    expect(Buffer.from(drawn.bytes).toString('latin1').startsWith(magic)).toBe(true);
    const path = at(`written.${format}`);
    writeFileSync(path, drawn.bytes);
    const read = await readPicture(path);
    expect([read.width, read.height]).toEqual([64, 64]);
    expect(isSame(drawn, base)).toBe(true);
    expect(apart(read, base).mean).toBeLessThanOrEqual(mostMean);
    const text = await readPictureText(drawn.bytes);
    // Nothing of where files lie.
    const { settings } = drawn;
    expect(text?.record?.settings).toEqual({ ...settings, model: { ...settings.model, path: 'pocket' } });
  });

  test('parameters say how it was made', () => {
    expect(base.parameters.split('\n')).toEqual([
      'a red car on the beach',
      'Negative prompt: snow',
      expect.stringMatching(
        /^Steps: 3, Sampler: Euler a, Schedule type: Automatic, CFG scale: 4.5, Seed: 3, Size: 64x64, /,
      ),
    ]);
  });
});

describe('batches', () => {
  test('alone as in a batch; places are told', async () => {
    const settings = await settle({ count: 3, prompt: 'a {red|blue|green} car <lora:alice:0.8>' });
    const steps: string[] = [];
    const together = await drawAll(settings, {
      batch: 2,
      onStep: ({ step, steps: all, pictures }) => steps.push(`${step}/${all} ${pictures}`),
    });
    expect(steps).toEqual(['1/3 0,1', '2/3 0,1', '3/3 0,1', '1/3 2', '2/3 2', '3/3 2']);
    for (const [i, one] of settings.entries()) {
      const [alone] = await drawAll([one]);
      // Sums of another batch size in float32: a value on the edge between two levels.
      expect(apart(alone, together[i]).most).toBeLessThanOrEqual(1);
      expect(alone.parameters).toBe(together[i].parameters);
    }
    expect(settings.map(({ seed }) => seed)).toEqual([3n, 4n, 5n]);
  });

  test('each with its own LoRA', async () => {
    const [alice] = await settle({ prompt: 'a red car <lora:alice>' });
    const [bob] = await settle({ prompt: 'a red car <lora:bob:0.5>' });
    const together = await drawAll([alice, bob], { batch: 2 });
    for (const [i, one] of [alice, bob].entries()) {
      const [alone] = await drawAll([one]);
      expect(apart(alone, together[i]).most).toBeLessThanOrEqual(1);
    }
    expect(together.map(({ parameters }) => /Lora hashes: "(\w+)/.exec(parameters)?.[1])).toEqual([
      ...['alice', 'bob'],
    ]);
    expect(apart(together[0], together[1]).mean).toBeGreaterThan(seen);
  });
});

describe('LoRAs', () => {
  test('a tag is the same as the option, but for the text', async () => {
    const tagged = await drawOne({ prompt: `${plain.prompt}<lora:alice:0.8>` });
    const given = await drawOne({ loras: [{ path: at('loras/alice.safetensors'), strength: 0.8 }] });
    expect(isSame(tagged, given)).toBe(true);
    expect(apart(tagged, base).mean).toBeGreaterThan(seen);
    expect(tagged.parameters).toMatch(/Lora hashes: "alice: [0-9a-f]{12}"/);
  });

  test('start and stop: a LoRA of no step is none; of a later step, another picture', async () => {
    const draw = (tag: string) => drawOne({ prompt: `${plain.prompt}${tag}` });
    const whole = await draw('<lora:alice:1:0:1>');
    const late = await draw('<lora:alice:1:0:1:start=2>'.replace(':1:0:1', ':te=0:unet=1'));
    const always = await draw('<lora:alice:te=0:unet=1:start=0:stop=1.0>');
    const unetOnly = await draw('<lora:alice:te=0:unet=1>');
    expect(isSame(always, unetOnly)).toBe(true);
    expect(apart(late, unetOnly).mean).toBeGreaterThan(seen);
    expect(apart(late, base).mean).toBeGreaterThan(0.1);
    expect(whole.settings.prompt).toContain('<lora:alice:1:0:1>');
  });

  test('block weights', async () => {
    const draw = (tag: string) => drawOne({ prompt: `${plain.prompt}${tag}` });
    const none = await draw('<lora:alice:te=0:unet=1:lbw=BASE=0,IN*=0,M*=0,OUT*=0>');
    const middle = await draw('<lora:alice:te=0:unet=1:lbw=BASE=0,IN*=0,OUT*=0>');
    const whole = await draw('<lora:alice:te=0:unet=1>');
    // No layer is changed; sums are made in another order.
    expect(apart(none, base).most).toBeLessThanOrEqual(1);
    expect(apart(middle, base).mean).toBeGreaterThan(0.1);
    expect(apart(middle, whole).mean).toBeGreaterThan(seen);
  });

  test('a missing LoRA is found before anything is drawn', async () => {
    const settings = await settle({ count: 2 });
    const wrong = await settle({ prompt: 'a car <lora:alise:1>' });
    await expect(workshop.prepare([...settings, ...wrong])).rejects.toMatchObject({
      code: 'LORA_NOT_FOUND',
      hint: expect.stringContaining('alice'),
    });
    await workshop.prepare(settings);
  });
});

describe('prompts', () => {
  test('an embedding by its name changes the picture and stands in TI hashes', async () => {
    const [used, unused] = [await drawOne({ prompt: 'a zorbi car' }), await drawOne({ prompt: 'a car' })];
    expect(apart(used, unused).mean).toBeGreaterThan(seen);
    expect(used.parameters).toMatch(/TI hashes: "zorbi: [0-9a-f]{12}"/);
    expect(unused.parameters).not.toContain('TI hashes');
    const empty = openWorkshop({ ...options, embeddings: openEmbeddings([]) });
    const [asText] = await drawAll(await settle({ prompt: 'a zorbi car' }), {}, empty);
    await empty.release();
    expect(apart(used, asText).mean).toBeGreaterThan(seen);
  });

  test('wildcards choose by seed; what was chosen is drawn', async () => {
    const template = 'a __colour__ car';
    const settings = await settle({ prompt: template, count: 12 });
    expect(new Set(settings.map(({ prompt }) => prompt)).size).toBeGreaterThan(2);
    expect(settings.every(({ prompt }) => /^a (red|blue|green|yellow|white|pink) car$/.test(prompt))).toBe(
      true,
    );
    expect(settings[0].templates?.prompt).toBe(template);
    // Picture 5 of many is the picture of its seed.
    expect((await settle({ prompt: template, seed: 8n }))[0].prompt).toBe(settings[5].prompt);
    const [drawn] = await drawAll(settings.slice(0, 1));
    const written = await drawOne({ prompt: settings[0].prompt });
    expect(isSame(drawn, written)).toBe(true);
  });

  test('what is odd is told', async () => {
    const { findings } = await drawOne({ prompt: 'a (red car', negativePrompt: 'snow <lora:alice:1>' });
    expect(findings).toEqual([
      expect.stringMatching(/lora/i),
      expect.stringMatching(/^prompt, character \d: "\(" is not closed/),
    ]);
    expect(base.findings).toEqual([]);
    const long = await drawOne({
      preset: 'diffusers',
      prompt: `${'a red car on the beach, '.repeat(9)}snow`,
    });
    expect(long.truncated.prompt).toMatch(/snow$/);
  });
});

describe('noise', () => {
  test('a variation of strength 0 is the picture, of 1 that of its seed, between another', async () => {
    const vary = (strength: number) => drawOne({ sampler: 'Euler', variation: { seed: 9n, strength } });
    const own = await drawOne({ sampler: 'Euler' });
    const other = await drawOne({ sampler: 'Euler', seed: 9n });
    expect(isSame(await vary(0), own)).toBe(true);
    const whole = await vary(1);
    expect(apart(whole, other).most).toBeLessThanOrEqual(1);
    const little = await vary(0.2);
    expect(apart(little, own).mean).toBeGreaterThan(0.5);
    expect(apart(little, own).mean).toBeLessThan(apart(little, other).mean);
    expect(little.parameters).toContain('Variation seed: 9, Variation seed strength: 0.2');
  });
});

describe('second pass', () => {
  test.each(['latent', 'lanczos'])('%s', async upscaler => {
    const hires = { scale: 1.5, upscaler, strength: 0.6 };
    const steps: number[] = [];
    const [drawn] = await drawAll(await settle({ hires }), { onStep: ({ steps: all }) => steps.push(all) });
    expect([drawn.width, drawn.height, drawn.data.length]).toEqual([96, 96, 3 * 96 * 96]);
    expect(new Set(steps)).toEqual(new Set([steps.length]));
    expect(drawn.parameters).toContain('Denoising strength: 0.6, ');
    expect(drawn.parameters).toMatch(/Hires upscale: 1.5, |Hires resize: 96x96, /);
    const [again] = await drawAll(await settle({ hires }));
    expect(Buffer.compare(again.bytes, drawn.bytes)).toBe(0);
    const weaker = await drawOne({ hires: { ...hires, strength: 0.3 } });
    expect(apart(weaker, drawn).mean).toBeGreaterThan(seen);
  });
});

describe('from a picture', () => {
  /** White in the middle 32×32. */
  const isMasked = (i: number): boolean => {
    const [x, y] = [Math.floor(i / 3) % 64, Math.floor(i / 3 / 64)];
    return x >= 16 && x < 48 && y >= 16 && y < 48;
  };
  const mask = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (isMasked(i) ? 255 : 0));
  writeFileSync(at('mask.png'), encodePng({ width: 64, height: 64, channels: 3, data: mask }));
  const init = { path: at('start.png'), strength: 0.75, resize: 'stretch' } as const;
  const inpaint = { path: at('mask.png'), blur: 0, invert: false, content: 'original', padding: 8 } as const;

  test('img2img: strength 0 gives the decoded picture, more leads away', async () => {
    const start = await readPicture(init.path);
    const [none, some, much] = await Promise.all(
      [0, 0.4, 0.9].map(strength => settle({ steps: 6, init: { ...init, strength } })),
    ).then(all => drawAll(all.flat()));
    expect(apart(none, start).mean).toBeLessThan(apart(some, start).mean);
    expect(apart(some, start).mean).toBeLessThan(apart(much, start).mean);
    expect(much.parameters).toContain('Denoising strength: 0.9');
  });

  test.each(['whole', 'masked'] as const)(
    'inpaint, area %s: unmasked pixels are exactly those of the original',
    async area => {
      const start = await readPicture(init.path);
      const drawn = await drawOne({ init, inpaint: { ...inpaint, area }, size: { width: 64, height: 64 } });
      let [kept, changed] = [0, 0];
      for (const [i, level] of start.data.entries()) {
        if (!isMasked(i)) kept += drawn.data[i] === level ? 0 : 1;
        else changed += drawn.data[i] === level ? 0 : 1;
      }
      expect(kept).toBe(0);
      expect(changed / (3 * 32 * 32)).toBeGreaterThan(0.9);
      expect(drawn.parameters).toContain('Mask blur: 0');
    },
  );

  test('a file that has changed since is no longer that picture', async () => {
    const path = at('changing.png');
    writeFileSync(path, stripes(64, 64, 2));
    const settings = await settle({ init: { ...init, path } });
    writeFileSync(path, stripes(64, 64, 3));
    const changed = { code: 'PICTURE_CHANGED', message: expect.stringContaining('changing.png') };
    await expect(workshop.prepare(settings)).rejects.toMatchObject(changed);
    await expect(drawAll(settings)).rejects.toMatchObject(changed);
  });
});

test('an abort in picture 2 of 3 keeps picture 1 and ends within a step', async () => {
  const controller = new AbortController();
  const finished: number[] = [];
  const steps: string[] = [];
  const drawing = workshop.draw(await settle({ count: 3, steps: 5 }), {
    signal: controller.signal,
    onStep({ step, pictures: [picture] }) {
      steps.push(`${picture}.${step}`);
      if (picture === 1 && step === 2) controller.abort();
    },
    onPicture: index => {
      finished.push(index);
    },
  });
  await expect(drawing).rejects.toThrow();
  expect(finished).toEqual([0]);
  expect(steps).toEqual(['0.1', '0.2', '0.3', '0.4', '0.5', '1.1', '1.2']);
  // And goes on as if nothing had been.
  expect(isSame(await drawOne({}), base)).toBe(true);
});
