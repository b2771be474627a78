import { expect, test } from 'vitest';
import type { JobKind } from './kinds.ts';
import { jobKindOf, newJob, PayloadError } from './new-job.ts';

/** `path: message` of everything that is wrong. */
function faults(kind: JobKind, payload: unknown): string[] {
  try {
    newJob(kind, payload);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    expect(error).toMatchObject({ code: 'PAYLOAD_INVALID', exit: 'usage' });
    for (const { path, message } of error.issues)
      expect(error.message).toContain(path === '' ? message : `${path}: ${message}`);
    return error.issues.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

test('a payload is completed by its schema', () => {
  const job = newJob(
    'generate',
    { prompt: 'a zorbi', loras: [{ id: 'abcd1234' }] },
    { priority: 3, after: ['x'], id: 'y', maxAttempts: 1 },
  );
  expect(job).toMatchObject({
    kind: 'generate',
    title: 'a zorbi',
    priority: 3,
    after: ['x'],
    id: 'y',
    maxAttempts: 1,
  });
  expect(job.payload).toMatchObject({
    base: 'pocket',
    steps: 20,
    guidance: 7,
    loras: [{ id: 'abcd1234', strength: 1 }],
  });
});

test.each<[string, JobKind, unknown, string]>([
  ['a prompt of several lines', 'generate', { prompt: ' a\n zorbi ', count: 4 }, '4 × a zorbi'],
  ['no prompt', 'generate', { prompt: '' }, 'a picture'],
  ['a long prompt', 'generate', { prompt: '🐈'.repeat(300) }, `${'🐈'.repeat(199)}…`],
  ['half a character', 'generate', { prompt: 'a \ud83d' }, 'a \ufffd'],
  ['a training run', 'train', { name: 'zorbi', dataset: 'zorbi' }, 'zorbi'],
  ['a merge', 'merge', { into: 'lora', name: 'both', loras: [{ id: 'abcd' }] }, 'both'],
  [
    'a comparison',
    'compare',
    { picture: { prompt: 'a zorbi' }, x: 'strength: 0-1 [4]' },
    'strength: 0-1 [4]: a zorbi',
  ],
  ['a comparison without axes', 'compare', { picture: { prompt: 'a zorbi' } }, 'grid: a zorbi'],
  ['a plan', 'plan', { dataset: 'example:zorbi' }, 'plan for example:zorbi'],
  ['a report', 'dataset-report', { dataset: 'zorbi' }, 'report of zorbi'],
])('title of %s', (_, kind, payload, title) => {
  expect(newJob(kind, payload).title).toBe(title);
  expect(newJob(kind, payload, { title: ' Mine ' }).title).toBe('Mine');
  expect(newJob(kind, payload, { title: '  ' }).title).toBe(title);
});

test('everything that is wrong is told at once', () => {
  const wrong = {
    ...{ promt: 'a', steps: 0, guidance: 'much', width: 7.5, sampler: 3, format: 'jpg', count: 101 },
    ...{ loras: [{ id: 'abcd', strenght: 1 }, { id: '../x' }], keep: 'yes', seed: {} },
  };
  expect(faults('generate', wrong).sort()).toEqual([
    'count: 101 is not possible; give at most 100',
    'format: "jpg" is not possible; give png, jpeg, webp; did you mean jpeg?',
    'guidance: "much" is not a number',
    'keep: "yes" is not true or false',
    'loras.0.strenght: there is no such field; did you mean strength?',
    'loras.1.id: "../x" is not possible; give an id of the library',
    'prompt: is missing',
    'promt: there is no such field; did you mean prompt?',
    'sampler: 3 is not text',
    'seed: {} is not possible here',
    'steps: 0 is not possible; give at least 1',
    'width: 7.5 is not a whole number',
  ]);
});

test.each<[JobKind, unknown, string[]]>([
  ['generate', null, [': null is not an object']],
  ['generate', undefined, [': is missing']],
  ['generate', [], [': [] is not an object']],
  ['generate', 'a zorbi', [': "a zorbi" is not an object']],
  [
    'generate',
    { prompt: 'a', loras: Array(33).fill({ id: 'abcd' }) },
    ['loras: has 33 entries; at most 32 are possible'],
  ],
  ['generate', { prompt: 'a', zzzzzzzzzzzz: 1 }, ['zzzzzzzzzzzz: there is no such field']],
  ['generate', JSON.parse('{"prompt":"a","__proto__":{"steps":3}}'), ['__proto__: there is no such field']],
  ['merge', { into: 'file', name: 'x' }, ['into: "file" is not possible; give lora, checkpoint']],
  [
    'merge',
    { into: 'lora', name: 'x', loras: [], rang: 4 },
    ['loras: is empty; at least 1 are possible', 'rang: there is no such field; did you mean rank?'],
  ],
  [
    'merge',
    { into: 'checkpoint', name: '../x', base: 'pocket', loras: [{ id: 'abcd' }] },
    ['name: "../x" is not possible; give letters, digits, blanks, dots and dashes'],
  ],
  ['compare', { picture: { prompt: 'a', count: 3 } }, ['picture.count: there is no such field']],
  ['dataset-report', { dataset: 'a/b' }, ['dataset: "a/b" is not possible; give the id of a data set']],
])('%s %j', (kind, payload, expected) => {
  expect(faults(kind, payload)).toEqual(expected);
});

test('a recipe is checked by its own schema, with all the rest', () => {
  const found = faults('train', { name: 'zorbi', datset: 'zorbi', recipe: { rnak: 8, steps: -1 } });
  expect(found.map(line => line.split(':')[0])).toEqual(['dataset', 'datset', 'recipe.steps', 'recipe.rnak']);
  expect(found.at(-1)).toContain('did you mean rank');
  expect(faults('plan', { dataset: 'zorbi', recipe: { learningRate: 'fast' } })).toEqual([
    expect.stringMatching(/^recipe\.learningRate: "fast" is not allowed/),
  ]);
  expect(faults('train', { name: 'z', dataset: 'z', recipe: 'x' })).toEqual(['recipe: "x" is not an object']);
  expect(faults('train', { name: 'z', dataset: 'z', recipe: { rank: 8, learning_rate: 1e-4 } })).toEqual([]);
});

test('long values are shortened in messages', () => {
  const [line = ''] = faults('generate', { prompt: { text: 'x'.repeat(100_000) } });
  expect(line.length).toBeLessThan(100);
});

test('a kind that is not there: KIND_UNKNOWN, with the nearest', () => {
  expect(jobKindOf('train')).toBe('train');
  expect(() => newJob('generat', {})).toThrow(
    expect.objectContaining({
      code: 'KIND_UNKNOWN',
      message: 'there is no kind of job "generat"; did you mean generate?',
    }),
  );
  for (const kind of ['toString', '', undefined, 7, {}])
    expect(() => jobKindOf(kind)).toThrow(expect.objectContaining({ code: 'KIND_UNKNOWN' }));
});
