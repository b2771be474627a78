/** Training jobs on the embedded model and an example: to the end, cut off at any place, beside others, with wrong input. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestJob, openTestStudio, type TestJobOptions } from '../../../../test/support/job-context.ts';
import { stripes } from '../../../../test/support/pictures.ts';
import { openSafetensors } from '../../../files/index.ts';
import { readRun } from '../../../training/index.ts';
import type { StagedFile } from '../../runner.ts';
import { openRunners } from '../index.ts';

const studio = openTestStudio();
const runner = openRunners().open('train');
// All of one shape: a graph for each would be opened.
const folder = join(studio.data.datasets, 'stripes');
mkdirSync(folder);
for (let i = 0; i < 6; i++) {
  writeFileSync(join(folder, `${i}.png`), stripes(64, 64, i));
  writeFileSync(join(folder, `${i}.txt`), `a picture of stripes ${i}`);
}

const steps = 6;
const plain = {
  ...{ name: 'zorbi', dataset: 'stripes' },
  recipe: {
    steps,
    rank: 2,
    batch: 1,
    targets: 'attention',
    textTargets: null,
    resolution: 64,
    validationShare: 0,
  },
};

interface TrainResult {
  readonly steps: number;
  readonly loss: number;
  readonly file: string;
  readonly runFolder: string;
  readonly manifest: string;
  readonly examined: unknown;
}

async function run(payload: object = {}, options: TestJobOptions = {}) {
  const job = openTestJob(studio, options);
  const { files, result } = await runner.run({ ...plain, ...payload }, job.context);
  return { job, files, result: result as TrainResult };
}
const bytesOf = ([{ path }]: readonly StagedFile[]): Buffer => readFileSync(path);
const detailAt = (detail: unknown): Record<string, unknown> => (detail ?? {}) as Record<string, unknown>;

/** Aborts after a step, and returns the job. */
async function cut(jobId: string, after: number, payload: object = {}) {
  const job = openTestJob(studio, {
    jobId,
    onProgress({ detail }, abort) {
      if (detailAt(detail).step === after) abort();
    },
  });
  await expect(runner.run({ ...plain, ...payload }, job.context)).rejects.toMatchObject({
    name: 'AbortError',
  });
  return job;
}

// The same run has the same bytes: without it the time of its start is in its file.
const epoch = process.env.SOURCE_DATE_EPOCH;
beforeAll(() => {
  process.env.SOURCE_DATE_EPOCH = '1700000000';
});
afterAll(() => {
  if (epoch === undefined) delete process.env.SOURCE_DATE_EPOCH;
  else process.env.SOURCE_DATE_EPOCH = epoch;
});

let whole: Awaited<ReturnType<typeof run>>;
beforeAll(async () => {
  whole = await run();
});

describe('a run to its end', () => {
  test('gives the LoRA, and says what came of it without folders of this machine', () => {
    const { files, result, job } = whole;
    expect(files).toMatchObject([{ name: 'lora', type: 'lora', fileName: 'zorbi.safetensors' }]);
    expect(basename(join(files[0].path, '..'))).toBe('attempt-1');
    expect(openSafetensors(files[0].path).metadata).toMatchObject({ ss_output_name: 'zorbi' });
    expect(result).toMatchObject({
      steps,
      file: 'zorbi.safetensors',
      bestFile: null,
      best: null,
      finished: true,
    });
    expect(result.loss).toBeGreaterThan(0);
    expect(JSON.stringify(result)).not.toContain(studio.data.path);
    expect(result.runFolder.split('/')).toEqual(['jobs', job.context.jobId, 'work', 'zorbi.run']);
    expect(readRun(join(studio.data.path, result.runFolder)).manifest.status).toBe('finished');
    expect(existsSync(join(studio.data.path, result.manifest))).toBe(true);
  });

  test('tells of every step', () => {
    const told = whole.job.told
      .map(({ detail }) => detailAt(detail))
      .filter(({ loss }) => loss !== undefined);
    const ofSteps = told.filter(({ phase }) => phase === 'steps');
    expect(ofSteps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const detail of ofSteps)
      expect(detail).toMatchObject({ steps, rate: expect.any(Number), secondsPerStep: expect.any(Number) });
    expect(ofSteps.at(-1)?.smoothed).toBeCloseTo(whole.result.loss, 6);
    const shares = whole.job.told.map(({ share }) => share);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  test('previews are passed on as they come, and the best is beside the last', async () => {
    const { job, files } = await run({
      previewPrompts: ['a zorbi --s 1 --l 1'],
      previewEvery: 4,
      recipe: { ...plain.recipe, validationShare: 0.2, validationDraws: 2, validateEvery: 3, saveEvery: 4 },
    });
    expect(job.previews.map(({ name }) => name)).toEqual(['preview-0-0', 'preview-0-4', 'preview-0-6']);
    for (const { bytes } of job.previews)
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 64 });
    expect(detailAt(job.told.at(-1)?.detail).previews).toEqual(['preview-0-0', 'preview-0-4', 'preview-0-6']);
    const looks = job.told.flatMap(({ detail }) => detailAt(detail).validation ?? []);
    expect(looks.at(-1)).toMatchObject({ loss: expect.any(Number) });
    expect(files.map(({ name }) => name)).toContain('lora-step00000004');
  });
});

describe('cut off and gone on with', () => {
  test('the same bytes as in one go; between two steps others come first', async () => {
    const job = await cut('run-cut', 3);
    expect(readdirSync(job.context.places.staging)).toEqual([]);
    let waits = 0;
    const {
      files,
      result,
      job: second,
    } = await run(
      {},
      {
        ...{ jobId: 'run-cut', attempt: 2 },
        async yieldToOthers() {
          waits++;
          await new Promise(resolve => setTimeout(resolve, 5));
        },
      },
    );
    expect(waits).toBe(3);
    expect(result.steps).toBe(steps);
    expect(bytesOf(files)).toEqual(bytesOf(whole.files));
    expect(
      second.told.map(({ detail }) => detailAt(detail)).find(({ resumedAt }) => resumedAt),
    ).toMatchObject({
      step: 3,
      resumedAt: 3,
    });
  });

  test('aborted while it waits for others: the state is saved', async () => {
    const job = openTestJob(studio, {
      jobId: 'run-waiting',
      async yieldToOthers() {
        if (job.told.some(({ detail }) => detailAt(detail).step === 2)) {
          setTimeout(job.abort, 10);
          await new Promise(() => undefined); // it would wait for ever
        }
      },
    });
    await expect(runner.run(plain, job.context)).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(job.context.places.work)).toContain('zorbi.run-state');
    const { files } = await run({}, { jobId: 'run-waiting', attempt: 2 });
    expect(bytesOf(files)).toEqual(bytesOf(whole.files));
  });

  test('killed before any state was saved: it begins anew over what is left', async () => {
    const { context } = await cut('run-killed', 2);
    const { work } = context.places;
    for (const name of readdirSync(work).filter(name => name.startsWith('zorbi.run-state')))
      rmSync(join(work, name));
    writeFileSync(join(work, 'zorbi-best.safetensors'), 'half');
    writeFileSync(join(work, 'zorbi-step00000002.safetensors'), 'half');
    const { files } = await run({}, { jobId: 'run-killed', attempt: 2 });
    expect(files.map(({ name }) => name)).toEqual(['lora']);
    expect(bytesOf(files)).toEqual(bytesOf(whole.files));
  });

  test('killed behind the last step: the finished LoRA is given, nothing is trained again', async () => {
    const { jobId } = whole.job.context;
    const { files, result, job } = await run({}, { jobId, attempt: 2 });
    expect(bytesOf(files)).toEqual(bytesOf(whole.files));
    expect(result).toMatchObject({ steps, runFolder: whole.result.runFolder });
    expect(result.loss).toBeCloseTo(whole.result.loss, 6);
    expect(job.told).toEqual([]);
    expect(job.notes.join()).toContain('was not examined');
  });

  test.each([
    ['other captions', (): void => writeFileSync(join(folder, '0.txt'), 'another')],
    [
      'a state that is no longer whole',
      (work: string): void => writeFileSync(join(work, 'zorbi.run-state'), 'not a state'),
    ],
  ])('%s: what was trained is kept aside, said, and the run begins anew', async (what, change) => {
    const { context } = await cut(`run-${what.length}`, 2);
    change(context.places.work);
    const { job, result } = await run({}, { jobId: context.jobId, attempt: 2 });
    expect(result.steps).toBe(steps);
    expect(job.notes.join()).toContain('begins anew');
    expect(readdirSync(join(context.places.work, 'before-2'))).toContain('zorbi.run-state');
    writeFileSync(join(folder, '0.txt'), 'a picture of stripes 0');
  });

  test('aborted before its first step it leaves nothing', async () => {
    const job = openTestJob(studio);
    job.abort();
    await expect(runner.run(plain, job.context)).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(job.context.places.work)).toEqual([]);
  });
});

test('20 steps on the example', async () => {
  const { result, files } = await run({
    dataset: 'example:zorbi-character',
    recipe: { ...plain.recipe, steps: 20 },
  });
  expect(result).toMatchObject({ steps: 20, pictures: 20 });
  expect(files).toHaveLength(1);
});

test('goes on from a LoRA of the library, whose layers and ranks are those of the new one', async () => {
  studio.cards.set('20000b1', { path: whole.files[0].path, use: 'lora' });
  const { rank: _, targets: __, textTargets: ___, ...recipe } = plain.recipe;
  const { result, files } = await run({
    name: 'zorbi 2',
    continueFrom: '20000b1',
    recipe: { ...recipe, steps: 1 },
  });
  expect(result).toMatchObject({ steps: 1, recipe: { rank: 2 } });
  expect(openSafetensors(files[0].path).metadata.ss_training_comment ?? '').toContain('goes on from zorbi');
});

describe('wrong input is told before anything is trained', () => {
  test.each([
    ['DATASET_UNKNOWN', { dataset: 'nothing' }],
    ['DATASET_UNKNOWN', { dataset: 'example:nothing' }],
    ['DATASET_UNKNOWN', { dataset: 'folder:0123456789abcdef' }],
    ['CARD_UNKNOWN', { base: '00000000' }],
    ['CARD_UNKNOWN', { continueFrom: '00000000' }],
    ['PAYLOAD_INVALID', { recipe: { ...plain.recipe, learningRate: -1 } }],
    ['PAYLOAD_INVALID', { recipe: { rnak: 8 } }],
    ['RECIPE_INVALID', { epochs: 3 }],
    ['DATASET_UNKNOWN', { recipe: { ...plain.recipe, validationFolder: '/etc' } }],
    ['MEMORY_TOO_SMALL', { memory: 1000 }],
    ['PAYLOAD_INVALID', { name: '../zorbi' }],
    ['PAYLOAD_INVALID', { dataset: '../datasets/stripes' }],
    ['PAYLOAD_INVALID', { dataset: 'example:..' }],
  ])('%s: %o', async (code, payload) => {
    const job = openTestJob(studio);
    await expect(runner.run({ ...plain, ...payload }, job.context)).rejects.toMatchObject({
      name: 'LoraError',
      code,
    });
    expect(readdirSync(job.context.places.work)).toEqual([]);
  });
});
