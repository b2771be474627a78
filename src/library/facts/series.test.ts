/** @file Names of epochs and steps, as trainers write them. */
import { describe, expect, test } from 'vitest';
import type { MetadataFacts } from './file-facts.ts';
import { seriesOf, splitName } from './series.ts';

test.each([
  ['zorbi-000005', 'zorbi', 5],
  ['zorbi-step00000100', 'zorbi', 100],
  ['zorbi_e5', 'zorbi', 5],
  ['zorbi_epoch_12', 'zorbi', 12],
  ['zorbi-checkpoint-500', 'zorbi', 500],
  ['zorbi_000000750', 'zorbi', 750],
  ['zorbi', 'zorbi', undefined],
  ['zorbi_v2', 'zorbi_v2', undefined],
  ['the1', 'the1', undefined],
  ['000005', '000005', undefined],
  ['-000005', '-000005', undefined],
  ['model1234', 'model1234', undefined],
])('%s', (name, base, step) => {
  expect(splitName(name)).toEqual({ base, step });
});

describe('a series', () => {
  const metadata: MetadataFacts = {
    tags: [],
    triggers: [],
    training: {},
    frequency: [],
    hasThumbnail: false,
  };
  const at = (stem: string, place = '') => ({ folder: 'f', place, stem });

  test('by names is of one folder', () => {
    const { series } = seriesOf(metadata, at('a-000002'));
    expect(seriesOf(metadata, at('A'))).toEqual({ series, step: undefined });
    expect(seriesOf(metadata, at('a-000002', 'x')).series).not.toBe(series);
  });

  test('by metadata is the same wherever its files lie, whatever they are called', () => {
    const run = { ...metadata, run: 'zorbi 7', training: { steps: 300, epoch: 3 } };
    expect(seriesOf(run, at('renamed', 'best'))).toEqual({
      series: seriesOf(run, at('a')).series,
      step: 300,
    });
    expect(seriesOf({ ...run, training: {} }, at('a-000002')).step).toBe(2);
  });
});
