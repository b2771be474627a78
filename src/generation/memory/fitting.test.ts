/** What is refused before it starts, and whether what is offered instead is true. */
import { expect, test } from 'vitest';
import type { LoraError } from '../../errors.ts';
import { type Architecture, architectureOf, shapesOnly } from '../../models/index.ts';
import { type GenerationPlan, planGeneration, whatFits } from './fitting.ts';
import { forecastGeneration } from './forecast.ts';

const sd15 = { ...shapesOnly(architectureOf('sd15') as Architecture), latentScale: 8 };
const gib = 2 ** 30;
const four: GenerationPlan = { rows: 8, rowsPerPicture: 2, width: 768, height: 512, tokens: 77 };

const refusal = (available: number): LoraError => {
  try {
    planGeneration(sd15, four, available);
  } catch (error) {
    return error as LoraError;
  }
  throw new Error('not refused');
};

test('with much memory everything stays open, with less the UNet is closed before decoding', () => {
  const { keepsUnet, forecast } = planGeneration(sd15, four, 20 * gib);
  expect(keepsUnet).toBe(true);
  const tight = planGeneration(sd15, four, forecast.peakBytes - 1);
  expect(tight.keepsUnet).toBe(false);
  expect(tight.forecast.peakBytes).toBeLessThan(forecast.peakBytes);
});

test('what does not fit is refused with what it takes, what is there and what would fit', () => {
  const { code, message, hint } = refusal(4.2 * gib);
  expect(code).toBe('MEMORY_SHORT');
  expect(message).toMatch(
    /^4 pictures at once of 768×512 take about 5\.\d GiB of memory, 4\.2 GiB are available$/,
  );
  expect(hint).toMatch(
    /^What fits: --batch 1 \(\d\.\d GiB\), --base-weights float16 \(\d\.\d GiB\), --base-weights int8/,
  );
});

test('what is offered fits, by the forecast of just that', () => {
  for (const available of [2.2 * gib, 3 * gib, 3.9 * gib, 4.4 * gib]) {
    const changes = whatFits(available, sd15, four);
    expect(changes.length).toBeGreaterThan(0);
    for (const { plan, peakBytes } of changes) {
      expect(peakBytes).toBeLessThanOrEqual(available);
      if (!plan.held) expect(forecastGeneration(sd15, plan, plan).peakBytes).toBe(peakBytes);
    }
  }
});

test('the largest size of the same shape: the next one would not fit', () => {
  const available = 3.75 * gib;
  const { plan } = whatFits(available, sd15, { ...four, rows: 2 }).at(-1)!;
  expect(plan.width / plan.height).toBeCloseTo(1.5, 0);
  const larger = { ...plan, width: plan.width + 96, height: plan.height + 64 };
  expect(forecastGeneration(sd15, larger, larger).peakBytes).toBeGreaterThan(available);
});

test('where nothing fits, nothing is offered', () => {
  expect(whatFits(0.5 * gib, sd15, four)).toEqual([]);
  expect(refusal(0.5 * gib).hint).toMatch(/^Close other programs/);
});
