/** Advice without flags of the command line; the advice itself is that of the report. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withoutFlags } from './without-flags.ts';

test.each([
  ['Write a .txt file beside each, or give --caption for all.', 'Write one for each.'],
  [
    'Write "zorbi" into all captions, or give --trigger zorbi.',
    'Write "zorbi" into all captions, or name it as the trigger word and it is put there.',
  ],
  [
    'Give --trigger zorbi to be sure of it in every caption.',
    'Name “zorbi” as the trigger word to be sure of it in every caption.',
  ],
  [
    'Use --min-snr-gamma, or wait – a well-known --way.',
    'Use “min snr gamma”, or wait – a well-known “way”.',
  ],
  ['Crop it yourself.', 'Crop it yourself.'],
])('%s', (text, shown) => expect(withoutFlags(text)).toBe(shown));

test('every flag that the report names has words of its own here', () => {
  const files = ['set', 'caption', 'picture', 'trigger'];
  const sources = files.map(name =>
    readFileSync(new URL(`../../../../src/dataset/report/${name}-findings.ts`, import.meta.url), 'utf8'),
  );
  const said = sources.flatMap(source => source.match(/[^\n]*--[a-z][^\n]*/g) ?? []);
  expect(said.length).toBeGreaterThan(0);
  for (const line of said) expect(withoutFlags(line), line).not.toMatch(/--[a-z]|“(?:caption|trigger|flip)”/);
});
