import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainRules, type TrainingItem } from '../dataset/index.ts';
import { randomStream, tensor } from '../engine/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { batchesPerEpoch, captionsOf, drawItem, openBatches, openDraws } from './batches.ts';

const bucket = { width: 64, height: 64 };
const view = (x: number) => ({
  latents: tensor([1, 1, 1, 1], Float32Array.of(x)),
  crop: { left: 0, top: 0 },
});
const item = (changed: Partial<TrainingItem> = {}): TrainingItem => ({
  ...{ path: 'a.png', caption: 'zork, a, b, c, d', bucket, originalSize: bucket, repeats: 1 },
  views: [view(0)],
  ...changed,
});

test('a plain picture is drawn as it always was: mirror, mask and dropout by the same numbers', () => {
  const maskings = [0, 1, 2, 3].map(x => tensor([1, 2, 1, 1], Float32Array.of(1, x)));
  const plain = item({
    views: [{ ...view(0), maskings }],
    mirroredViews: [{ ...view(1), maskings }],
  });
  const step = fc.nat(100_000);
  fc.assert(
    fc.property(
      fc.nat(2 ** 31),
      step,
      fc.nat(64),
      fc.constantFrom(0, 0.05, 0.5, 1),
      (seed, at, sample, captionDropout) => {
        const mirrored = randomStream(seed, 'flip', at, sample).uniform() < 0.5;
        const mask = randomStream(seed, 'mask', at, sample).integer(4);
        const dropped = randomStream(seed, 'caption dropout', at, sample).uniform() < captionDropout;
        for (const rules of [{}, { rules: { ...plainRules, captionDropout, flip: true } }]) {
          const drawn = drawItem({ ...plain, ...rules }, { seed, captionDropout }, at, sample);
          expect(drawn.view.latents.data[0]).toBe(mirrored ? 1 : 0);
          expect(drawn.masking?.data[1]).toBe(mask);
          expect(drawn.caption).toBe(dropped ? '' : plain.caption);
          expect(drawn.weight).toBe(1);
        }
      },
    ),
  );
});

const recipe = {
  seed: 3,
  captionDropout: 0,
  regularisationWeight: 0.25,
  steps: 100,
  batch: 2,
  accumulate: 2,
};

test('forms are drawn evenly, regularisation pictures weigh as the recipe says', () => {
  const rules = { ...plainRules, isRegularisation: true };
  const draw = openDraws([item({ views: [0, 1, 2, 3].map(view), rules }), item()], recipe);
  const counts = [0, 0, 0, 0];
  for (let step = 0; step < 2000; step++) counts[draw(0, step, 0).view.latents.data[0]]++;
  // 500 expected each; five standard deviations of a binomial count are 97.
  for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(97);
  expect([draw(0, 0, 0).weight, draw(1, 0, 0).weight]).toEqual([0.25, 1]);
});

test('every n-th epoch goes without captions, counted from the batches that are drawn', () => {
  const rules = { ...plainRules, captionDropoutEvery: 3 };
  const items = Array.from({ length: 5 }, () => item({ rules }));
  const draw = openDraws(items, recipe);
  const length = batchesPerEpoch(items, recipe.batch); // 3: the last batch is short
  const batchOf = openBatches(items, recipe.batch, recipe.seed);
  for (let microStep = 0; microStep < 20 * length; microStep++) {
    const [step, first] = [Math.floor(microStep / 2), (microStep % 2) * recipe.batch];
    const isDropped = Math.floor(microStep / length) % 3 === 2;
    for (const [i, index] of batchOf(microStep).entries())
      expect(draw(index, step, first + i).caption).toBe(isDropped ? '' : items[index].caption);
  }
});

test('tokens warm up with the steps of the run; the same step draws the same', () => {
  const rules = { ...plainRules, tokenWarmupSteps: 0.5, tokenWarmupMin: 1 };
  const draw = openDraws([item({ rules })], recipe);
  const counts = [0, 12, 24, 37, 50, 99].map(step => draw(0, step, 0).caption.split(', ').length);
  expect(counts).toEqual([1, 1, 2, 3, 5, 5]);
  const shuffled = openDraws([item({ rules: { ...plainRules, shuffleTags: true } })], recipe);
  expect(shuffled(0, 7, 1).caption).toBe(shuffled(0, 7, 1).caption);
  expect(new Set([0, 1, 2, 3, 4].map(sample => shuffled(0, 7, sample).caption)).size).toBeGreaterThan(2);
});

test('texts to read before the first step: those that are fixed, and for the others one that is long enough', () => {
  const checkpoint = openCheckpoint('pretrained/pocket');
  const many = Array.from({ length: 60 }, (_, i) => `tag ${i}`).join(', ');
  const items = [
    item({ caption: 'a hat', rules: { ...plainRules, captionPrefix: 'photo of' } }),
    item({ caption: 'a hat' }),
    item({ caption: many, rules: { ...plainRules, shuffleTags: true } }),
  ];
  const { captions, longest } = captionsOf(items, checkpoint);
  expect(captions).toEqual(['photo of a hat', 'a hat']);
  expect(longest).toHaveLength(1);
  const chunks = (text: string): number => checkpoint.textEncoder.tokenizer.encode(text, 9).ids.length;
  const draw = openDraws(items, recipe);
  for (let step = 0; step < 20; step++)
    expect(chunks(draw(2, step, 0).caption)).toBeLessThanOrEqual(chunks(longest[0]));
});
