/** Going on from a LoRA, and training on top of one: both are the base with that LoRA at the first step. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { given } from '../../test/golden/hashed-weights.ts';
import { randomLora } from '../../test/support/loras.ts';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { plainView } from '../../test/support/training-items.ts';
import type { TrainingItem } from '../dataset/index.ts';
import { type LoraWeights, loraBase, readLora, type TrainedLayer, writeLora } from '../lora/index.ts';
import { type Checkpoint, openCheckpoint } from '../models/index.ts';
import { openCaptionTexts } from './captions.ts';
import { recipeFrom, withBaseLoras } from './continue-from.ts';
import { planRun } from './plan-run.ts';
import type { GivenRecipe } from './recipe/recipe.ts';
import { newRunState, runLoop } from './trainer.ts';

const checkpoint = openCheckpoint('pretrained/pocket');

/** Through a file, with one module of another rank and alpha. */
async function makeLora(): Promise<{ lora: LoraWeights; path: string }> {
  const options = { seed: 3, targets: /\.attentions\.|self_attn|mlp/, size: 1 };
  const [made, other] = [
    randomLora(checkpoint, { ...options, rank: 4 }),
    randomLora(checkpoint, { ...options, rank: 3 }),
  ];
  const modules = made.modules.map((module, i) => (i === 5 || i === 90 ? other.modules[i] : module));
  const path = join(temporaryFolder(), 'start.safetensors');
  await writeLora(path, { modules, metadata: {} }, { dtype: 'float32' });
  return { lora: readLora(path, loraBase(checkpoint)).lora, path };
}
const { lora, path } = await makeLora();
const continued = planRun(checkpoint, recipeFrom(checkpoint, { batch: 2, steps: 1 }, lora, path));

test('layers, ranks and scales are those of the file', () => {
  const facts = (all: readonly { target: string; rank: number; alpha: number }[]): string[] =>
    all.map(({ target, rank, alpha }) => `${target} ${rank} ${alpha}`).sort();
  expect(facts(continued.layers)).toEqual(facts(lora.modules));
  expect(continued.recipe).toMatchObject({ targets: 'linear', rank: 4, alpha: 2, textRank: 4, textAlpha: 2 });
  expect(continued.recipe.overrides).toHaveLength(2);
});

const item: TrainingItem = {
  ...{ path: 'a.png', caption: 'stripes', repeats: 1 },
  ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
  views: [plainView(given('latent', [1, checkpoint.vae.config.latentChannels, 8, 8]))],
};

/** Loss of the first step. */
async function firstLoss(
  base: Checkpoint,
  layers: readonly TrainedLayer[],
  from?: LoraWeights,
): Promise<number> {
  const { recipe } = continued;
  const items = [item];
  const texts = await openCaptionTexts([item.caption], { checkpoint: base, recipe }, layers);
  const input = { checkpoint: base, recipe, layers, items, texts, session: {} };
  const state = await newRunState(input, '', 0, from);
  let loss = Number.NaN;
  const onStep = async (report: { readonly loss: number }): Promise<void> => {
    loss = report.loss;
  };
  await runLoop(input, state, { onStep });
  return loss;
}

test('the first step of both has the loss of the base with the LoRA', async () => {
  const merged = await withBaseLoras(checkpoint, [{ lora, strength: 1 }]);
  const goneOn = await firstLoss(checkpoint, continued.layers, lora);
  const onTop = await firstLoss(merged, continued.layers);
  const encodedBefore = await firstLoss(merged, planRun(merged, { batch: 2, steps: 1 }).layers);
  const plain = await firstLoss(checkpoint, continued.layers);
  expect(Math.abs(plain / goneOn - 1)).toBeGreaterThan(0.01);
  // Float32 sums in another order: W·x + B·A·x against (W + B·A)·x.
  for (const loss of [onTop, encodedBefore]) expect(Math.abs(loss / goneOn - 1)).toBeLessThan(1e-5);
  const half = await withBaseLoras(checkpoint, [
    { lora, strength: 0.5 },
    { lora, strength: 0.5 },
  ]);
  expect(Math.abs((await firstLoss(half, continued.layers)) / goneOn - 1)).toBeLessThan(1e-5);
});

const [first] = lora.modules;
test.each<[string, GivenRecipe, LoraWeights['modules'], string]>([
  ['a rank beside it', { rank: 8 }, lora.modules, 'RECIPE_INVALID'],
  ['targets beside it', { textTargets: 'attention' }, lora.modules, 'RECIPE_INVALID'],
  ['another kind', {}, [{ ...first, kind: 'loha' }], 'LORA_NOT_TRAINABLE'],
  [
    'a trained bias',
    {},
    [{ ...first, tensors: { ...first.tensors, up_bias: first.tensors.up } as never }],
    'LORA_NOT_TRAINABLE',
  ],
  [
    'DoRA on one layer only',
    {},
    [first, { ...lora.modules[1], tensors: { ...lora.modules[1].tensors, magnitude: given('m', [16, 1]) } }],
    'LORA_NOT_TRAINABLE',
  ],
])('%s is refused', (_, recipe, modules, code) => {
  const run = () => recipeFrom(checkpoint, recipe, { modules, metadata: {} }, path);
  expect(run).toThrow(expect.objectContaining({ code }));
});
