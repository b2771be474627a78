/** Steps that train and steps that only look, opened for the same pictures, see the same losses. */
import { expect, test } from 'vitest';
import { knownTexts, plainView } from '../../test/support/training-items.ts';
import type { TrainingItem } from '../dataset/index.ts';
import { randomStream, type Tensor } from '../engine/index.ts';
import { chooseTargets, initialParameters, plainLora } from '../lora/index.ts';
import { listLayers, openCheckpoint } from '../models/index.ts';
import { openFeeds } from './feeds.ts';
import { completeRecipe } from './recipe/recipe.ts';
import { openEvaluationPool, openStepPool } from './step-pool.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const { config, weights } = checkpoint.unet;
const normals = (name: string, ...shape: number[]): Tensor => ({
  shape,
  data: randomStream(3, name).normals(shape.reduce((a, b) => a * b, 1)),
});
const itemOf = (name: string, lossMask?: Tensor): TrainingItem => ({
  ...{ path: `${name}.png`, caption: 'a', repeats: 1 },
  ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
  views: [{ ...plainView(normals(name, 1, config.inChannels, 8, 8)), ...(lossMask ? { lossMask } : {}) }],
});
const half = { shape: [1, 1, 8, 8], data: Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : 0)) };
const nothing = { shape: [1, 1, 8, 8], data: new Float32Array(64) };

test('a mask of one picture, a loss that bends, and sessions that are opened again', async () => {
  const recipe = completeRecipe({ batch: 3, rank: 2, loss: 'huber', captionDropout: 0 }, 'pocket', 64);
  const layers = plainLora(chooseTargets(listLayers(weights, 'unet'), 'mid_block*'), recipe);
  const items = [itemOf('whole'), itemOf('half', half), itemOf('nothing', nothing)];
  const text = { context: normals('context', 1, 7, config.contextWidth) };
  const texts = knownTexts({ a: text, '': text });
  const batch = await openFeeds({ checkpoint, recipe, items, texts })([0, 1, 2], 0, 0);
  const parameters = await initialParameters(layers, 1);
  const source = { checkpoint, recipe, layers, items, tokens: 7, session: {}, frugal: false };
  const training = openStepPool(source);
  const looking = openEvaluationPool(source);
  const { losses } = await (await training.get(items[0])).run(batch, parameters);
  const first = await (await looking.get(items[0])).run(batch, parameters);
  await training.release();
  await looking.release();
  const again = await (await looking.get(items[0])).run(batch, parameters);
  await looking.release();
  expect(first).toEqual({ losses });
  expect(again).toEqual({ losses });
  expect(losses.data[0]).toBeGreaterThan(0);
  expect(losses.data[1]).toBeGreaterThan(0);
  expect(losses.data[2]).toBe(0);
});
