/** How prompts are read, against the parsers of A1111 and ComfyUI themselves (tools/goldens/prompts.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LoraError } from '../../src/errors.ts';
import { parseAttention } from '../../src/generation/prompt/attention.ts';
import { parseComfyWeights } from '../../src/generation/prompt/comfy-weights.ts';
import { composedParts } from '../../src/generation/prompt/composed.ts';
import { scheduleOf } from '../../src/generation/prompt/schedule.ts';
import { jsonDigest, syntaxStrings } from '../support/prompt-strings.ts';

type Reader = 'attention' | 'schedule' | 'second pass' | 'composed' | 'comfy';

interface Golden {
  readonly strings: string;
  /** A hash for each 50 strings. */
  readonly blocks: Readonly<Record<Reader, string[]>>;
  /** The examples in A1111's source. */
  readonly published: Readonly<
    Record<'attention' | 'schedule' | 'second pass', [text: string, found: unknown][]>
  >;
  readonly changing: number;
  readonly failing: Readonly<Record<Reader, number>>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/prompts.json', import.meta.url), 'utf8'));

const texts = syntaxStrings(50 * golden.blocks.attention.length);

/** All bits of a float64. */
function exact(weight: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, weight);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

const readers: Record<Reader, (text: string) => unknown> = {
  attention: text => parseAttention(text).map(({ text, weight }) => [text, exact(weight)]),
  schedule: text => scheduleOf(text, { steps: 10 }).map(({ lastStep, text }) => [lastStep, text]),
  'second pass': text =>
    scheduleOf(text, { steps: 8, firstPassSteps: 10 }).map(({ lastStep, text }) => [lastStep, text]),
  composed: text => composedParts(text).map(({ text, weight }) => [text, exact(weight)]),
  comfy: text => parseComfyWeights(text).map(({ text, weight }) => [text, exact(weight)]),
};

/** What A1111 fails on is an error with a place. */
function attempt(read: (text: string) => unknown, text: string): unknown {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof LoraError) || error.code !== 'PROMPT_SYNTAX') throw error;
    expect(error.message).toMatch(/at character \d+ of the prompt/);
    return 'fails';
  }
}

test('the strings are those that the parsers were given, and they ask for much', () => {
  expect(texts).toHaveLength(4000);
  expect(jsonDigest(texts)).toBe(golden.strings);
  expect(golden.changing).toBeGreaterThan(1000);
  expect(golden.failing.attention).toBeGreaterThan(20);
});

test.each(Object.keys(readers) as Reader[])('4,000 strings: %s', name => {
  const rows = texts.map(text => attempt(readers[name], text));
  const wrong = golden.blocks[name].flatMap((hash, i) =>
    jsonDigest(rows.slice(50 * i, 50 * (i + 1))) === hash ? [] : [i],
  );
  expect(wrong).toEqual([]);
  expect(rows.filter(row => row === 'fails')).toHaveLength(golden.failing[name]);
});

test('the published examples of weights', () => {
  expect(golden.published.attention.length).toBeGreaterThan(5);
  for (const [text, found] of golden.published.attention)
    expect(parseAttention(text).map(({ text, weight }) => [text, weight])).toEqual(found);
});

test.each([
  ['schedule', { steps: 10 }],
  ['second pass', { steps: 10, firstPassSteps: 10 }],
] as const)('the published examples of changing prompts: %s', (name, run) => {
  const examples = golden.published[name];
  expect(examples.length).toBeGreaterThan(1);
  for (const [text, found] of examples)
    expect(scheduleOf(text, run).map(({ lastStep, text }) => [lastStep, text])).toEqual(found);
});
