/** What templates become, against the `dynamicprompts` package (tools/goldens/wildcards.py). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { expandPrompt, openWildcards } from '../../src/generation/prompt/wildcards.ts';
import { temporaryFolder } from '../support/pictures.ts';

interface Golden {
  readonly files: Record<string, string>;
  readonly outcomes: Record<string, string[]>;
  readonly frequencies: Record<string, Record<string, number>>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/wildcards.json', import.meta.url), 'utf8'));
const folder = temporaryFolder();
const wildcards = openWildcards([folder]);
const draws = (template: string, count: number): string[] =>
  Array.from({ length: count }, (_, seed) => expandPrompt(template, { seed, wildcards }).text);

beforeAll(() => {
  for (const [name, text] of Object.entries(golden.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});

describe('what it can become', () => {
  test.each(Object.entries(golden.outcomes))('%s', (template, outcomes) => {
    expect([...new Set(draws(template, 600))].sort()).toEqual([...outcomes].sort());
  });
});

describe('how often', () => {
  test.each(Object.entries(golden.frequencies))('%s', (template, frequencies) => {
    const count = 20_000;
    const texts = draws(template, count);
    const shares = new Map<string, number>();
    for (const text of texts) shares.set(text, (shares.get(text) ?? 0) + 1 / count);
    expect([...shares.keys()].sort()).toEqual(Object.keys(frequencies).sort());
    // Both are counted over 20,000 draws: five standard deviations of their difference at most.
    for (const [text, share] of Object.entries(frequencies))
      expect(Math.abs((shares.get(text) ?? 0) - share), text).toBeLessThan(
        5 * Math.sqrt((2 * share * (1 - share)) / count) + 1e-9,
      );
  });
});
