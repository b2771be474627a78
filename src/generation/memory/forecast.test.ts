/** What is foreseen beside what was taken: resident memory of real runs on two cores of an AMD EPYC (docs/memory.md). */
import { expect, test } from 'vitest';
import { type Architecture, architectureOf, holdWeights, shapesOnly } from '../../models/index.ts';
import { type ForecastOptions, forecastGeneration } from './forecast.ts';

const sd15 = { ...shapesOnly(architectureOf('sd15') as Architecture), latentScale: 8 };

const square = (side: number, rows: number) => ({ rows, width: side, height: side, tokens: 77 });
const gibOf = (side: number, rows: number, options?: ForecastOptions) => {
  const { unetBytes, vaeBytes, peakBytes } = forecastGeneration(sd15, square(side, rows), options);
  return { unet: unetBytes / 2 ** 30, vae: vaeBytes / 2 ** 30, peak: peakBytes / 2 ** 30 };
};

/** Within a tenth: users are told what fits by it. */
const isNear = (foreseen: number, taken: number): void => {
  expect(foreseen / taken).toBeGreaterThan(0.9);
  expect(foreseen / taken).toBeLessThan(1.1);
};

test.each([
  [256, 1, 3.533],
  [256, 2, 3.534],
  [512, 1, 3.885],
])('the UNet of SD 1.5 in float32 at %i², %i rows', (side, rows, taken) => {
  isNear(gibOf(side, rows).unet, taken);
});

test.each([
  [256, 0.744],
  [512, 1.487],
])('its decoder at %i², alone', (side, taken) => {
  isNear(gibOf(side, 1, { keepsUnet: false }).vae, taken);
});

test('a whole picture of 512² with guidance, everything open', () => {
  isNear(gibOf(512, 2).peak, 5.182);
});

test('with the UNet closed before, the decoder is no peak', () => {
  const { unet, peak } = gibOf(512, 2, { keepsUnet: false });
  expect(peak).toBe(unet);
});

test('tiles of 2048² take no more than one of 512² and the picture', () => {
  const [whole, tiled] = [512, 2048].map(side => gibOf(side, 1, { keepsUnet: false }).vae);
  const picture = (3 * 4 * 2048 ** 2) / 2 ** 30;
  expect(tiled - whole).toBeGreaterThan(picture);
  expect(tiled - whole).toBeLessThan(4 * picture);
});

test('a base held in fewer bits takes its share of the weights', () => {
  const held = { ...sd15, unet: { ...sd15.unet, weights: holdWeights(sd15.unet.weights, 'float16') } };
  const saved =
    forecastGeneration(sd15, square(512, 2)).unetBytes - forecastGeneration(held, square(512, 2)).unetBytes;
  expect(saved / 2 ** 30).toBeGreaterThan(1.4);
  expect(saved / 2 ** 30).toBeLessThan(1.6);
});
