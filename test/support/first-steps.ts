/** The first steps of a run on one picture, as tools/goldens/first_steps.py takes them. */
import { readFileSync } from 'node:fs';
import type { TrainingItem } from '../../src/dataset/index.ts';
import { chooseTargets, plainLora } from '../../src/lora/index.ts';
import { type Checkpoint, listLayers } from '../../src/models/index.ts';
import { completeRecipe } from '../../src/training/recipe/recipe.ts';
import { newRunState, runLoop } from '../../src/training/trainer.ts';
import { given, hashed, peftName } from '../golden/hashed-weights.ts';
import { knownTexts, plainView } from './training-items.ts';

interface FirstSteps {
  readonly prediction: 'epsilon' | 'v_prediction';
  readonly latent: number[];
  readonly context: number[];
  readonly batch: number;
  readonly rank: number;
  readonly rate: number;
  readonly captionDropout: number;
  readonly seed: number;
  readonly losses: number[];
}

export function readFirstSteps(name: 'pocket' | 'sd15'): FirstSteps {
  const url = new URL('../golden/data/first-steps.json', import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'))[name];
}

/** Relative differences of the losses of all steps, from hashed A and B of zeros. */
export async function lossErrors(checkpoint: Checkpoint, golden: FirstSteps): Promise<number[]> {
  const { latent, context, batch, rank, rate, captionDropout, seed, losses } = golden;
  const [height, width] = latent.slice(2).map(side => side * checkpoint.latentScale);
  const recipe = completeRecipe(
    {
      ...{ steps: losses.length, rank, alpha: rank, batch, learningRate: rate, schedule: 'cosine' },
      ...{ seed, captionDropout, minSnrGamma: 5, weightDecay: 0.01, maxGradientNorm: 1 },
    },
    checkpoint.family,
    checkpoint.resolution,
  );
  const item: TrainingItem = {
    ...{ path: 'a.png', caption: 'a', repeats: 1, views: [plainView(given('latent', latent))] },
    ...{ bucket: { width, height }, originalSize: { width, height } },
  };
  const text = (name: string) => ({ context: given(name, context) });
  const texts = knownTexts({ a: text('caption'), '': text('no caption') });
  const layers = plainLora(
    chooseTargets(listLayers(checkpoint.unet.weights, 'unet'), recipe.targets),
    recipe,
  );
  const input = { checkpoint, recipe, layers, items: [item], texts, session: {} };
  const state = await newRunState(input, '', 0);
  for (const [name, { shape, data }] of state.parameters) {
    if (name.endsWith('.up')) data.fill(0);
    // PEFT keeps A of a 1×1 convolution as one, which has as many numbers.
    else data.set(hashed(peftName(name), shape));
  }
  const errors: number[] = [];
  await runLoop(input, state, {
    onStep: async ({ step, loss }) => void errors.push(Math.abs(loss / losses[step - 1] - 1)),
  });
  return errors;
}
