import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rateFactorOf, type TrainedLayer } from '../lora/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { isKernelLayer, isTextLayer } from './plan-layers.ts';
import { planRun } from './plan-run.ts';
import { type GivenRecipe, parseRecipe } from './recipe/recipe.ts';

const pocket = openCheckpoint('pretrained/pocket');
const layersOf = (given: GivenRecipe): TrainedLayer[] => planRun(pocket, given).layers;
const find = (layers: readonly TrainedLayer[], part: string): TrainedLayer => {
  const layer = layers.find(({ target }) => target.includes(part));
  if (!layer) throw new Error(`no ${part}`);
  return layer;
};
/** The values that layers have, each once. */
const valuesOf = (layers: readonly TrainedLayer[], field: keyof TrainedLayer): unknown[] => [
  ...new Set(layers.map(layer => layer[field])),
];

describe('ranks and scales', () => {
  test('alpha follows the rank; a rank of its own keeps the scale', () => {
    const layers = layersOf({ targets: 'conv', rank: 8, alpha: 4, convRank: 2 });
    for (const layer of layers) {
      expect(layer.rank).toBe(isKernelLayer(layer) ? 2 : 8);
      expect(layer.alpha / layer.rank).toBe(0.5);
    }
    expect(layers.some(isKernelLayer)).toBe(true);
  });

  test('convolutions’ own alpha', () => {
    const layers = layersOf({ targets: 'conv', rank: 8, convRank: 4, convAlpha: 1 });
    expect(valuesOf(layers.filter(isKernelLayer), 'alpha')).toEqual([1]);
    expect(
      valuesOf(
        layers.filter(layer => !isKernelLayer(layer)),
        'alpha',
      ),
    ).toEqual([8]);
  });

  test('rsLoRA is baked in: alpha·√rank over the rank is alpha/√rank', () => {
    const layers = layersOf({ rank: 16, alpha: 8, rsLora: true });
    for (const { alpha, rank } of layers) expect(alpha / rank).toBe(8 / 4);
  });

  test('exceptions: later ones win, an alpha that is not said keeps the scale', () => {
    const layers = layersOf({
      ...{ rank: 8, alpha: 4, learningRate: 1e-3 },
      overrides: [
        { match: 'attention', rank: 4, learningRate: 1e-4 },
        { match: '*.attn2.to_k', rank: 2, alpha: 3 },
        { match: 'block:mid&*.ff.net.2', kind: 'lokr' },
      ],
    });
    expect(find(layers, 'attn1.to_q')).toMatchObject({ rank: 4, alpha: 2, kind: 'lora' });
    expect(find(layers, 'attn1.to_q').rateFactor).toBeCloseTo(0.1, 15);
    expect(find(layers, 'attn2.to_k')).toMatchObject({ rank: 2, alpha: 3 });
    expect(find(layers, 'attn2.to_k').rateFactor).toBeCloseTo(0.1, 15);
    expect(find(layers, 'mid_block.attentions.0.transformer_blocks.0.ff.net.2')).toMatchObject({
      ...{ kind: 'lokr', rank: 8, alpha: 4, rateFactor: 1 },
    });
    expect(find(layers, 'down_blocks.0.attentions.0.proj_in')).toMatchObject({ rank: 8, kind: 'lora' });
  });
});

describe('blocks', () => {
  test('ranks and rates by block; 0 leaves a block out', () => {
    const layers = layersOf({
      ...{ targets: 'attention', rank: 8, alpha: 8 },
      ...{
        blockRanks: [0, 4, 0, 8, 2, 8, 8, 8, 8],
        blockRates: 'zeros+0.5/1/0,1,1,2',
        blockAlphas: Array(9).fill(2),
      },
    });
    const blocks = new Map(layers.map(layer => [layer.target.split('.').slice(0, 5).join('.'), layer]));
    const facts = [...blocks].map(([name, { rank, alpha, rateFactor }]) => [name, rank, alpha, rateFactor]);
    expect(facts).toEqual([
      ['unet.down_blocks.0.attentions.0', 4, 2, 0.5],
      ['unet.down_blocks.1.attentions.0', 8, 2, 0.5],
      ['unet.mid_block.attentions.0.transformer_blocks', 2, 2, 1],
      ['unet.up_blocks.0.attentions.1', 8, 2, 1],
      ['unet.up_blocks.1.attentions.0', 8, 2, 1],
      ['unet.up_blocks.1.attentions.1', 8, 2, 2],
    ]);
  });
});

describe('text encoders', () => {
  test('their own layers, rank, alpha and rate', () => {
    const layers = layersOf({
      ...{ targets: 'attention', textTargets: 'attention+mlp', rank: 8, learningRate: 2e-3 },
      ...{ textRank: 4, textAlpha: 1, textLearningRate: 5e-4 },
    });
    const text = layers.filter(isTextLayer);
    expect(text).toHaveLength(12);
    for (const layer of text) expect(layer).toMatchObject({ rank: 4, alpha: 1, rateFactor: 0.25 });
    expect(
      valuesOf(
        layers.filter(layer => !isTextLayer(layer)),
        'rank',
      ),
    ).toEqual([8]);
  });

  test('alone', () => {
    const layers = layersOf({ targets: 'none', textTargets: '!block:layers.0' });
    expect(layers.every(isTextLayer)).toBe(true);
    expect(layers).toHaveLength(6);
  });
});

describe('LoRA+', () => {
  test('up learns faster, by part', () => {
    const layers = layersOf({
      ...{ targets: 'attention', textTargets: 'attention', textLearningRate: 1e-3, learningRate: 2e-3 },
      ...{ loraPlusRatio: 16, textLoraPlusRatio: 4 },
    });
    const [unet, text] = [find(layers, 'unet.'), find(layers, 'text_encoder.')];
    expect([rateFactorOf(unet, 'down'), rateFactorOf(unet, 'up')]).toEqual([1, 16]);
    expect([rateFactorOf(text, 'down'), rateFactorOf(text, 'up')]).toEqual([0.5, 2]);
  });
});

test('what belongs to a kind is given to layers of that kind only', () => {
  const layers = layersOf({
    ...{ targets: 'conv', kind: 'lokr', factor: 4, decomposeBoth: true, tucker: true, dora: true },
    ...{ rankDropout: 0.2, moduleDropout: 0.3, scaleWeightNorms: 1 },
    overrides: [{ match: 'block:mid', kind: 'lora' }],
  } as unknown as GivenRecipe);
  const middle = find(layers, 'mid_block.resnets.0.conv1');
  expect(middle).toMatchObject({ kind: 'lora', factor: -1, decomposeBoth: false, tucker: true });
  const other = find(layers, 'down_blocks.0.resnets.0.time_emb_proj');
  expect(other).toMatchObject({ kind: 'lokr', factor: 4, decomposeBoth: true, tucker: false });
  const all = { decomposed: 'output', neuronDropout: 0, rankDropout: 0.2, moduleDropout: 0.3, maxNorm: 1 };
  for (const layer of layers) expect(layer).toMatchObject(all);
  expect(layersOf({ dropout: 0.1 })[0].neuronDropout).toBe(0.1);
});

describe('what does not go together, or has no effect, is refused', () => {
  test.each<[GivenRecipe, string, RegExp]>([
    [{ factor: 8 }, 'RECIPE_INVALID', /factor: has no effect/],
    [{ kind: 'lokr', factor: 0 }, 'RECIPE_INVALID', /factor: must be/],
    [{ kind: 'lokr', factor: 500 }, 'RECIPE_INVALID', /factor: 500 is above the size of unet/],
    [{ decomposeBoth: true }, 'RECIPE_INVALID', /decomposeBoth: has no effect/],
    [{ fullMatrix: true, kind: 'loha' }, 'RECIPE_INVALID', /fullMatrix: has no effect/],
    [{ fullMatrix: true, decomposeBoth: true, kind: 'lokr' }, 'RECIPE_INVALID', /with fullMatrix/],
    [{ fullMatrix: true, rank: 4, alpha: 1, kind: 'lokr' }, 'RECIPE_INVALID', /alpha: has no effect/],
    [{ fullMatrix: true, rsLora: true, kind: 'lokr' }, 'RECIPE_INVALID', /rsLora: has no effect/],
    [{ init: 'orthogonal', kind: 'loha' }, 'RECIPE_INVALID', /init: has no effect/],
    [{ init: 'orthogonal', rank: 3 }, 'OPTIONS_CLASH', /orthogonal init with an odd rank/],
    [{ init: 'pissa', moduleDropout: 0.1 }, 'OPTIONS_CLASH', /PiSSA with dropout/],
    [{ dora: 'output', dropout: 0.1 }, 'OPTIONS_CLASH', /DoRA with neuron dropout/],
    [{ init: 'pissa', dora: 'output' }, 'RECIPE_INVALID', /pissa does not go with dora/],
    [{ init: 'pissa', tucker: true, targets: 'conv' }, 'RECIPE_INVALID', /pissa does not go with tucker/],
    [{ init: 'pissa', scaleWeightNorms: 1 }, 'RECIPE_INVALID', /does not go with pissa/],
    [{ tucker: true }, 'RECIPE_INVALID', /tucker: has no effect: no 3×3/],
    [{ convRank: 4 }, 'RECIPE_INVALID', /convRank: has no effect/],
    [{ convAlpha: 4 }, 'RECIPE_INVALID', /convAlpha: has no effect/],
    [{ textRank: 4 }, 'RECIPE_INVALID', /textRank: has no effect: no text encoder/],
    [{ textAlpha: 4 }, 'RECIPE_INVALID', /textAlpha: has no effect/],
    [{ textLearningRate: 1e-4 }, 'RECIPE_INVALID', /textLearningRate: has no effect/],
    [{ textLoraPlusRatio: 4 }, 'RECIPE_INVALID', /textLoraPlusRatio: has no effect/],
    [
      { textTargets: 'attention', textLearningRate: [1e-4, 1e-5] },
      'RECIPE_INVALID',
      /two rates, but only one text encoder/,
    ],
    [
      { targets: 'none', textTargets: 'attention', unetLoraPlusRatio: 2 },
      'RECIPE_INVALID',
      /unetLoraPlusRatio: has no effect/,
    ],
    [{ targets: 'none', textTargets: 'attention', blockRates: '1/1/1' }, 'RECIPE_INVALID', /blockRates/],
    [{ targets: 'none' }, 'TARGET_UNKNOWN', /leaves nothing to train/],
    [{ dropout: 1 }, 'RECIPE_INVALID', /dropout/],
    [{ rankDropout: -0.1 }, 'RECIPE_INVALID', /rankDropout/],
    [{ moduleDropout: Number.NaN }, 'RECIPE_INVALID', /moduleDropout/],
    [{ loraPlusRatio: 0 }, 'RECIPE_INVALID', /loraPlusRatio/],
    [{ scaleWeightNorms: -1 }, 'RECIPE_INVALID', /scaleWeightNorms/],
    [{ targets: 'conv', convRank: 1.5 }, 'RANK_INVALID', /rank 1.5 is not a whole number/],
    [{ textTargets: 'attention', textRank: 1000 }, 'RANK_TOO_LARGE', /above the size of text_encoder\./],
    [{ overrides: [{ match: 'attention', rank: 0 }] }, 'RANK_INVALID', /rank 0/],
    [{ overrides: [{ match: 'block:mid', rank: 999 }] }, 'RANK_TOO_LARGE', /unet\.mid_block/],
    [{ overrides: [{ match: '*.conv9', rank: 1 }] }, 'TARGET_UNKNOWN', /--set \*\.conv9 matches no layer/],
    [{ targets: 'attention', overrides: [{ match: '*.ff.*', rank: 1 }] }, 'TARGET_UNKNOWN', /--set \*\.ff/],
    [{ overrides: [{ match: 'block:mid', color: 1 } as never] }, 'RECIPE_INVALID', /overrides/],
    [{ blockRanks: '1,2,3' }, 'RECIPE_INVALID', /does not fit the 9 blocks/],
    [{ blockRanks: '1,2,3,4,5,6,7,8,1.5' }, 'RECIPE_INVALID', /1.5 is not a whole number/],
    [{ blockRanks: 'cosine/1/cosine' }, 'RECIPE_INVALID', /no list of numbers/],
    [{ blockRates: 'spiral/1/cosine' }, 'RECIPE_INVALID', /no list of numbers.*Curves: sine/],
    [{ blockRates: 'cosine+x/1/cosine' }, 'RECIPE_INVALID', /NaN/],
    [{ blockRates: '1,1/1/cosine' }, 'RECIPE_INVALID', /has 2 numbers, its blocks are 4/],
    [{ blockRates: [1, 1, 1, 1, -1, 1, 1, 1, 1] }, 'RECIPE_INVALID', /-1 is not a factor/],
    [{ blockRates: Array(9).fill(0) }, 'TARGET_UNKNOWN', /leave no layer/],
    [{ blockAlphas: Array(9).fill(0) }, 'RECIPE_INVALID', /0 is not a number above 0/],
  ])('%o', (given, code, message) => {
    const error = (() => {
      try {
        return planRun(pocket, given);
      } catch (cause) {
        return cause;
      }
    })();
    expect(error).toMatchObject({ code, exit: 'usage' });
    expect((error as Error).message).toMatch(message);
  });
});

test('the recipe of docs/training.md can be planned', () => {
  const [, json] = /```json\n(.*?)```/s.exec(readFileSync('docs/training.md', 'utf8')) ?? [];
  const layers = layersOf(parseRecipe(json, 'docs/training.md'));
  expect(find(layers, 'down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k').rank).toBe(32);
  expect(layers.some(isTextLayer)).toBe(true);
});
