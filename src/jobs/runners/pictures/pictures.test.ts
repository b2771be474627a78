/** Picture jobs on the embedded model: one workshop for all of them, LoRAs of the library, jobs that are cut off. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import {
  openTestJob,
  openTestStudio,
  type TestJob,
  type TestJobOptions,
} from '../../../../test/support/job-context.ts';
import { randomLora, writeTestLora } from '../../../../test/support/loras.ts';
import { stripes, temporaryFolder } from '../../../../test/support/pictures.ts';
import { parseInfotext, readPictureText } from '../../../generation/index.ts';
import { openCheckpoint } from '../../../models/index.ts';
import { openRunners } from '../index.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const shelf = temporaryFolder();
const studio = openTestStudio([{ path: shelf, uses: ['lora'] }]);
const writeLora = (name: string, seed: number, rank: number): string => {
  const path = join(shelf, `${name}.safetensors`);
  writeTestLora(path, randomLora(checkpoint, { seed, rank }));
  return path;
};
studio.cards.set('a11ce0', { path: writeLora('alice', 1, 4), use: 'lora' });
studio.cards.set('b0b000', { path: writeLora('bob', 2, 8), use: 'lora' });
studio.cards.set('90ne00', { path: join(shelf, 'gone.safetensors'), use: 'lora' });
studio.cards.set('ca4d00', { path: join(shelf, 'alice.safetensors'), use: 'checkpoint' });
const upload = '0123456789abcdef0123456789abcdef';
writeFileSync(join(studio.data.uploads, `${upload}.png`), stripes(64, 64, 1));

const runners = openRunners();
const generate = runners.open('generate');
const compare = runners.open('compare');
afterAll(() => generate.release());

const plain = { prompt: 'a red car on the beach', seed: 3, steps: 2, guidance: 1, sampler: 'Euler a' };

interface GenerateResult {
  readonly pictures: readonly {
    readonly name: string;
    readonly file: string;
    readonly seed: number | string;
    readonly width: number;
    readonly height: number;
    readonly parameters: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly truncated: { readonly prompt: string };
  }[];
  readonly findings: readonly string[];
}

async function draw(payload: object, options: TestJobOptions = {}) {
  const job = openTestJob(studio, options);
  const started = performance.now();
  const { files, result } = await generate.run({ ...plain, ...payload }, job.context);
  const bytes = files.map(({ path }) => readFileSync(path));
  return {
    job,
    files,
    bytes,
    result: result as GenerateResult,
    seconds: (performance.now() - started) / 1000,
  };
}

const failure = (payload: object, job: TestJob = openTestJob(studio)): Promise<unknown> =>
  generate.run({ ...plain, ...payload }, job.context).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('generate', () => {
  test('the second picture opens nothing; every file says how it was made', async () => {
    const first = await draw({});
    const second = await draw({ seed: 4 });
    expect(first.job.notes.filter(note => note.startsWith('base '))).toHaveLength(1);
    expect(second.job.notes.filter(note => note.startsWith('base '))).toEqual([]);
    expect(second.bytes[0]).not.toEqual(first.bytes[0]);
    const [{ path, fileName, name, type }] = first.files;
    expect(path.startsWith(first.job.context.places.staging)).toBe(true);
    expect({ name, type }).toEqual({ name: 'picture-1', type: 'picture' });
    const [picture] = first.result.pictures;
    expect(picture).toMatchObject({ name, file: fileName, seed: 3, width: 64, height: 64 });
    expect(fileName).toMatch(/^\d{4}-\d\d-\d\d-[a-z0-9]{8}-1-3\.png$/);
    expect((await readPictureText(path)).parameters).toBe(picture.parameters);
    expect(picture.settings).toMatchObject({ seed: 3, sampler: 'Euler a', steps: 2, prompt: plain.prompt });
  });

  test('progress at every step, previews that are pictures, and the finished one in their place', async () => {
    const { job } = await draw({ previewEvery: 1, count: 2, batch: 2, steps: 4 });
    const details = job.told.flatMap(({ detail }) => (detail ? [detail as Record<string, number>] : []));
    const steps = details.filter(({ step }) => step > 0);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(steps[0]).toEqual({ step: 1, steps: 4, pictures: 2, done: 0 });
    const shares = job.told.map(({ share }) => share);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(job.previews.map(({ name }) => name).sort()).toEqual([
      ...Array(4).fill('preview-0'),
      ...Array(4).fill('preview-1'),
    ]);
    for (const { bytes } of job.previews)
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 64 });
  });

  test('LoRAs by id and by tag are the same picture, in a batch too; strengths count', async () => {
    const none = await draw({});
    const byId = await draw({ loras: [{ id: 'a11ce0', strength: 0.5 }] });
    const byTag = await draw({ prompt: `${plain.prompt} <lora:alice:0.5>`, count: 2, batch: 2 });
    const pixels = (bytes: Buffer): Promise<Buffer> => sharp(bytes).raw().toBuffer();
    expect(await pixels(byId.bytes[0])).not.toEqual(await pixels(none.bytes[0]));
    // Products of a batch are added in another order: a level of 256 may be rounded the other way.
    const [one, other] = [await pixels(byTag.bytes[0]), await pixels(byId.bytes[0])];
    expect(Math.max(...one.map((level, i) => Math.abs(level - other[i])))).toBeLessThanOrEqual(1);
    expect(byId.result.pictures[0].settings).toMatchObject({ loras: [{ name: 'alice', strength: 0.5 }] });
    expect(JSON.stringify(byId.result)).not.toContain(shelf);
    expect(byTag.result.pictures.map(({ seed }) => seed)).toEqual([3, 4]);
  });

  test('a LoRA that comes while the model is open is found, and one that is written anew is read anew', async () => {
    const tagged = { prompt: `${plain.prompt} <lora:carol>` };
    expect(await failure(tagged)).toMatchObject({ code: 'LORA_NOT_FOUND' });
    writeLora('carol', 3, 4);
    const first = await draw(tagged);
    writeLora('carol', 5, 6);
    const second = await draw(tagged);
    expect(second.bytes[0]).not.toEqual(first.bytes[0]);
    expect([...first.job.notes, ...second.job.notes].some(note => note.startsWith('base '))).toBe(false);
  });

  test('from a picture with a mask, as WebP, with a seed of 64 bits', async () => {
    const seed = String(2n ** 64n - 1n);
    const start = { init: { picture: upload, strength: 0.8 }, inpaint: { mask: upload, blur: 1 } };
    const { files, bytes, result } = await draw({ ...start, seed, format: 'webp', quality: 90 });
    expect((await sharp(bytes[0]).metadata()).format).toBe('webp');
    expect(files[0].fileName).toMatch(/-1-18446744073709551615\.webp$/);
    expect(result.pictures[0].seed).toBe(seed);
    expect(JSON.stringify(result)).not.toContain(studio.data.path);
  });

  test('without a seed chance gives one, which a second attempt keeps', async () => {
    const first = await draw({ seed: -1 }, { jobId: 'job-chance' });
    const again = await draw({ seed: -1 }, { jobId: 'job-chance', attempt: 2 });
    expect(again.result.pictures[0].seed).toBe(first.result.pictures[0].seed);
    const fields = parseInfotext(first.result.pictures[0].parameters);
    expect(JSON.stringify(fields)).toContain(String(first.result.pictures[0].seed));
  });

  test('cancelled in the middle: it ends within a step, and another attempt draws only what is missing', async () => {
    const whole = await draw({ count: 3 });
    const cut = openTestJob(studio, {
      jobId: 'job-cut',
      onProgress({ detail }, abort) {
        const { done, step } = (detail ?? {}) as Record<string, number>;
        if (done === 1 && step === 1) abort();
      },
    });
    expect(await failure({ count: 3 }, cut)).toMatchObject({ name: 'AbortError' });
    expect(cut.told.at(-1)?.detail).toMatchObject({ step: 1, done: 1 });
    const again = await draw({ count: 3 }, { jobId: 'job-cut', attempt: 2 });
    const drawn = again.job.told.filter(({ text }) => text.includes('step 1 of')).map(({ text }) => text);
    expect(drawn).toEqual(['picture 2 of 3, step 1 of 2', 'picture 3 of 3, step 1 of 2']);
    expect(again.bytes).toEqual(whole.bytes);
    expect(again.files.map(({ name }) => name)).toEqual(['picture-1', 'picture-2', 'picture-3']);
  });

  test('aborted before it begins', async () => {
    const job = openTestJob(studio);
    job.abort();
    expect(await failure({}, job)).toMatchObject({ name: 'AbortError' });
  });

  test.each([
    ['CARD_UNKNOWN', { loras: [{ id: '00000000' }] }],
    ['CARD_MISSING', { loras: [{ id: '90ne00' }] }],
    ['CARD_WRONG_USE', { loras: [{ id: 'ca4d00' }] }],
    ['CARD_WRONG_USE', { base: 'a11ce0' }],
    ['UPLOAD_UNKNOWN', { init: { picture: 'f'.repeat(32) } }],
    ['MASK_WITHOUT_PICTURE', { inpaint: { mask: upload } }],
    ['LORA_NOT_FOUND', { prompt: `a cat <lora:${join(shelf, 'alice')}:1>` }],
    ['LORA_NOT_FOUND', { prompt: 'a cat <lora:../alice:1>' }],
    ['SEED_INVALID', { seed: '18446744073709551616' }],
    ['SAMPLER_UNKNOWN', { sampler: 'Eulr' }],
    ['UPSCALER_UNKNOWN', { hires: { scale: 2, upscaler: 'magic' } }],
    ['HIRES_SIZE_INVALID', { hires: { scale: 2, toWidth: 128 } }],
    ['SIZE_INVALID', { init: { picture: upload }, width: 64 }],
    ['PAYLOAD_INVALID', { steps: 0 }],
    ['PAYLOAD_INVALID', { loras: [{ id: '../../etc/passwd' }] }],
    ['PAYLOAD_INVALID', { colour: 'red' }],
  ])('%s', async (code, payload) => {
    const job = openTestJob(studio);
    expect(await failure(payload, job)).toMatchObject({ name: 'LoraError', code });
    expect(readdirSync(job.context.places.staging)).toEqual([]);
  });
});

describe('compare', () => {
  const grid = {
    picture: plain,
    x: 'strength: 0.5, 1',
    y: 'lora: alice, bob',
  };
  interface CompareResult {
    readonly axes: readonly { readonly title: string }[];
    readonly cells: readonly { readonly at: readonly number[]; readonly file: string | null }[];
    readonly pictures: readonly { readonly file: string | null }[];
    readonly sheets: readonly { readonly name: string }[];
    readonly drawn: number;
  }
  const run = async (payload: object, options: TestJobOptions = {}) => {
    const job = openTestJob(studio, options);
    const { files, result } = await compare.run({ ...grid, ...payload }, job.context);
    return { job, files, result: result as CompareResult };
  };

  test('killed in the middle it goes on with the others, and lets others in between two pictures', async () => {
    const cut = openTestJob(studio, {
      jobId: 'grid-cut',
      onProgress({ detail }, abort) {
        const { done, step } = (detail ?? {}) as Record<string, number>;
        if (done === 2 && step === 1) abort();
      },
    });
    await expect(compare.run(grid, cut.context)).rejects.toMatchObject({ name: 'AbortError' });
    let turns = 0;
    const between: string[][] = [];
    const { files, result, job } = await run(grid, {
      ...{ jobId: 'grid-cut', attempt: 2 },
      async yieldToOthers() {
        // Somebody's picture, with folders and settings of its own, while the grid waits.
        if (turns++ === 0) between.push((await draw({ format: 'jpeg' })).job.notes);
      },
    });
    expect(between).toHaveLength(1);
    expect(between[0].filter(note => note.startsWith('base '))).toEqual([]);
    expect(result.pictures).toHaveLength(4);
    expect(result.drawn).toBe(2);
    expect(turns).toBe(2);
    expect(job.told.at(-1)?.share).toBe(1);
    const names = files.map(({ name }) => name);
    expect(names).toEqual(['sheet-1', ...[1, 2, 3, 4].map(i => `picture-${i}`)]);
    for (const { path } of files) expect((await sharp(path).metadata()).format).toBe('png');
    expect(result.sheets).toMatchObject([{ name: 'sheet-1' }]);
    expect(result.axes.map(({ title }) => title)).toEqual(['strength', 'lora']);
    expect(result.cells).toHaveLength(4);
    for (const { file } of result.cells) expect(names).toContain(file);
    expect(JSON.stringify(result)).not.toContain(shelf);
    const whole = await run(grid);
    expect(whole.files.slice(1).map(({ path }) => readFileSync(path))).toEqual(
      files.slice(1).map(({ path }) => readFileSync(path)),
    );
  });

  test('files that have changed meanwhile make another grid: the old one is kept aside', async () => {
    writeLora('dora', 7, 4);
    const payload = { picture: plain, x: 'lora: dora', y: undefined };
    await run(payload, { jobId: 'grid-other' });
    writeLora('dora', 8, 4);
    const { job, result } = await run(payload, { jobId: 'grid-other', attempt: 2 });
    expect(result.drawn).toBe(1);
    expect(job.notes.join()).toContain('drawn anew');
    expect(existsSync(join(job.context.places.work, 'grid-before-2'))).toBe(true);
  });

  test.each([
    ['LORA_NOT_FOUND', { y: `lora: ${join(shelf, 'alice.safetensors')}` }],
    ['LORA_NOT_FOUND', { y: `lora: ../${shelf.split('/').at(-1)}/alice` }],
    ['LORA_NOT_FOUND', { y: `epoch: ${shelf}` }],
    ['LORA_NOT_FOUND', { y: `epoch: ${join(shelf, 'alice')}` }],
    ['COMPARE_AXIS_UNKNOWN', { x: 'colours: red, blue' }],
    ['CARD_UNKNOWN', { picture: { ...plain, base: 'ffff0000' } }],
    ['PAYLOAD_INVALID', { picture: { ...plain, count: 2 } }],
  ])('%s: %o', async (code, payload) => {
    await expect(run(payload)).rejects.toMatchObject({ name: 'LoraError', code });
  });
});

test('another base closes the first', async () => {
  const copy = join(temporaryFolder(), 'other');
  mkdirSync(copy);
  const { cpSync } = await import('node:fs');
  cpSync('pretrained/pocket', copy, { recursive: true });
  studio.cards.set('07e4', { path: copy, use: 'checkpoint' });
  const other = await draw({ base: '07e4' });
  const back = await draw({});
  const again = await draw({});
  const opened = (job: TestJob): number => job.notes.filter(note => note.startsWith('base ')).length;
  expect([other, back, again].map(({ job }) => opened(job))).toEqual([1, 1, 0]);
  expect(again.bytes).toEqual(back.bytes);
});
