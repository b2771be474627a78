import { describe, expect, test } from 'vitest';
import { parseAttention } from './attention.ts';
import { parseComfyWeights } from './comfy-weights.ts';
import { composedParts } from './composed.ts';
import { findMistakes } from './mistakes.ts';
import { scheduleOf } from './schedule.ts';

const readers: Record<string, (text: string) => unknown> = {
  parseAttention,
  parseComfyWeights,
  composedParts,
  scheduleOf: text => scheduleOf(text, { steps: 2 }),
  findMistakes: text => findMistakes(text, { syntax: 'a1111', emphasis: 'a1111', steps: 2 }, 'prompt'),
};

/** About a million characters each, at `share` 1. */
const hostile: Record<string, (share: number) => string> = {
  'nested round': share => `${'('.repeat(5e5 * share)}a${')'.repeat(5e5 * share)}`,
  'one bracket too many': share => `${'('.repeat(5e5 * share)}a${')'.repeat(5e5 * share - 1)}`,
  'never closed': share => '(a'.repeat(5e5 * share),
  'nested square': share => `${'[a|'.repeat(2.5e5 * share)}b${']'.repeat(2.5e5 * share)}`,
  'nested switches': share => `${'[a:'.repeat(2e5 * share)}b${':1]'.repeat(2e5 * share)}`,
  'many brackets': share => '(a)[b]'.repeat(1.6e5 * share),
  'many weights': share => '(a:1.2) '.repeat(1.2e5 * share),
  'white space': share => ' '.repeat(1e6 * share),
  'spaced colons': share => ':  '.repeat(3.3e5 * share),
  'BREAK and AND': share => ' BREAK  AND '.repeat(8e4 * share),
  digits: share => `(a:${'1'.repeat(9e5 * share)}`,
  surrogates: share => '\ud800(\udc00:1.2)'.repeat(1e5 * share),
};

describe.each(Object.entries(readers))('%s', (name, read) => {
  test.each(Object.entries(hostile))('%s', (_, make) => {
    const time = (share: number): number => {
      const text = make(share);
      const start = performance.now();
      read(text);
      return performance.now() - start;
    };
    time(0.01); // compiles
    // Ten times the text. The rest is for a loaded machine; quadratic time would be half a minute.
    expect(time(0.2), name).toBeLessThan(12 * time(0.02) + 1000);
  });

  test('a million characters, half a million deep', () => {
    for (const what of ['nested round', 'never closed', 'nested switches']) read(hostile[what](1));
  });
});

test('lone surrogates stay as they are', () => {
  expect(parseAttention('a\ud800(b\udc00:1.5)')).toEqual([
    { text: 'a\ud800', weight: 1 },
    { text: 'b\udc00', weight: 1.5 },
  ]);
  expect(parseComfyWeights('a\ud800(b\udc00:1.5)').map(({ text }) => text)).toEqual(['a\ud800', 'b\udc00']);
});
