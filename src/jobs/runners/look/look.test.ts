/** Looks: what a page asks before it trains. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTestJob, openTestStudio } from '../../../../test/support/job-context.ts';
import { pictureFolder } from '../../../../test/support/pictures.ts';
import { openRunners } from '../index.ts';

const studio = openTestStudio();
const runners = openRunners();
renameSync(pictureFolder(4), join(studio.data.datasets, 'stripes'));
writeFileSync(join(studio.data.datasets, 'stripes', 'broken.png'), 'no picture');

describe('plan', () => {
  const plan = runners.open('plan');
  interface Field {
    readonly field: string;
    readonly value: unknown;
    readonly why: string;
  }
  const run = async (payload: object) => {
    const job = openTestJob(studio);
    const { result, files } = await plan.run(payload, job.context);
    expect(files).toEqual([]);
    return result as Readonly<Record<string, unknown>> & { readonly fields: readonly Field[] };
  };

  test('recipe with reasons, advice, pictures, memory and time', async () => {
    const result = await run({ dataset: 'stripes', goal: 'character', recipe: { learning_rate: 2e-4 } });
    const by = (name: string): Field | undefined => result.fields.find(({ field }) => field === name);
    expect(by('learningRate')).toMatchObject({ value: 2e-4, why: 'your choice' });
    expect(by('steps')?.why).toContain('goal character');
    expect(result).toMatchObject({ pictures: 4, family: 'pocket', advice: expect.any(Array) });
    expect(result.skipped).toMatchObject([{ path: 'broken.png' }]);
    for (const name of ['predictedPeakBytes', 'predictedStepSeconds', 'predictedRunSeconds', 'layers'])
      expect(result[name]).toBeGreaterThan(0);
    expect(JSON.stringify(result)).not.toContain(studio.data.path);
  });

  test('the speed of the machine is kept for the next time', async () => {
    await run({ dataset: 'stripes' });
    expect(existsSync(join(studio.data.cache, 'machine-speed.json'))).toBe(true);
  });

  test.each([
    ['PAYLOAD_INVALID', { recipe: { learningRate: -1 } }],
    ['MEMORY_TOO_SMALL', { memory: 1 }],
    ['DATASET_UNKNOWN', { dataset: 'other' }],
    ['PAYLOAD_INVALID', { name: 'zorbi' }],
  ])('%s', async (code, payload) => {
    await expect(run({ dataset: 'stripes', ...payload })).rejects.toMatchObject({ name: 'LoraError', code });
  });
});

describe('data set report', () => {
  const report = runners.open('dataset-report');

  test('facts of the set and of each picture, with progress', async () => {
    const job = openTestJob(studio);
    const { result } = await report.run(
      { dataset: 'stripes', goal: 'character', trigger: 'zorbi' },
      job.context,
    );
    expect(result).toMatchObject({ folder: 'stripes', used: 4, skipped: [{ path: 'broken.png' }] });
    const { pictures, findings } = result as { pictures: object[]; findings: { code: string }[] };
    expect(pictures[2]).toMatchObject({
      picture: '2.png',
      ...{ width: 96, height: 64, caption: 'zorbi, a picture of stripes 2' },
      ...{
        bucket: { width: expect.any(Number) },
        crop: { left: expect.any(Number), top: expect.any(Number) },
      },
      findings: expect.any(Array),
    });
    expect(findings.map(({ code }) => code)).toContain('PICTURE_NOT_USED');
    const shares = job.told.map(({ share }) => share);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(JSON.stringify(result)).not.toContain(studio.data.path);
  });

  test('asked again after a caption was changed: measures come from the cache, captions from the files', async () => {
    const ask = async () => (await report.run({ dataset: 'stripes' }, openTestJob(studio).context)).result;
    const caption = join(studio.data.datasets, 'stripes', '1.txt');
    const [before, text] = [await ask(), readFileSync(caption, 'utf8')];
    writeFileSync(caption, 'zorbi on a hill');
    const after = (await ask()) as { pictures: { caption: string }[] };
    expect(after.pictures[1].caption).toBe('zorbi on a hill');
    writeFileSync(caption, text);
    expect(JSON.stringify(await ask())).toBe(JSON.stringify(before));
    expect(existsSync(join(studio.data.cache, 'picture-measures.sqlite'))).toBe(true);
  });

  test('ends when it is asked to', async () => {
    const job = openTestJob(studio, { onProgress: (_, abort) => abort() });
    await expect(report.run({ dataset: 'example:zorbi-character' }, job.context)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test.each([
    ['DATASET_UNKNOWN', { dataset: 'other' }],
    ['PAYLOAD_INVALID', { dataset: 'stripes', goal: 'fame' }],
  ])('%s', async (code, payload) => {
    await expect(report.run(payload, openTestJob(studio).context)).rejects.toMatchObject({ code });
  });
});
