/** Figures of a finished run, as a newcomer meets them. */
import { expect, test } from 'vitest';
import { figuresOf } from './run-result.ts';

test('an interval over a few pictures says nothing and is left out', () => {
  const of = (pictures: number): string =>
    `54.6 % below the base (95 %: 4.0 % to 105.3 %, over ${pictures} pictures)`;
  expect(figuresOf({ verdict: of(2) })).toEqual(['54.6 % below the base (over 2 pictures).']);
  expect(figuresOf({ verdict: of(4) })).toEqual([`${of(4)}.`]);
});

test('findings of the examination follow, and nothing is nothing', () => {
  const finding = (code: string) => ({ level: 'note', code, text: `about ${code}` }) as const;
  const examined = { verdict: 'healthy', findings: [finding('NO_CLASS'), finding('ACTS')] } as const;
  expect(figuresOf({ examined })).toEqual(['about ACTS']);
  expect(figuresOf({ verdict: null, examined: null })).toEqual([]);
});
