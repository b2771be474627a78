/** What a sample asks of the UNet, against sd-scripts, OneTrainer, k-diffusion and scipy (tools/goldens/objective.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { TrainingItem } from '../../src/dataset/index.ts';
import * as f from '../../src/engine/index.ts';
import { chooseTargets, plainLora } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { type Checkpoint, listLayers } from '../../src/models/index.ts';
import { openFeeds } from '../../src/training/feeds.ts';
import { hasThreshold, sampleLosses } from '../../src/training/loss-graph.ts';
import { type HuberOptions, huberThreshold } from '../../src/training/objective/huber-threshold.ts';
import { lossWeight, type PredictionType, softSnrWeight } from '../../src/training/objective/loss-weight.ts';
import { drawSample, openObjective } from '../../src/training/objective/objective.ts';
import { openTimesteps, timestepProbabilities } from '../../src/training/objective/timesteps.ts';
import { completeRecipe, type GivenRecipe, type Recipe } from '../../src/training/recipe/recipe.ts';
import { openTrainStep } from '../../src/training/train-step.ts';
import { writeConfig } from '../support/configs.ts';
import { knownTexts, plainView } from '../support/training-items.ts';
import { errorOfNorm } from '../support/unet-cases.ts';
import { type Digest, given, hashed, hashedSource, peftName, relativeError } from './hashed-weights.ts';

interface Golden {
  seed: number;
  weights: { prediction: PredictionType; alphaBars: number[]; recipe: GivenRecipe; weights: number[] }[];
  soft: ({ gamma: number; alphaBars: number[] } & Record<PredictionType, number[]>)[];
  thresholds: { options: HuberOptions; timesteps: number[]; thresholds: number[] }[];
  noises: {
    recipe: GivenRecipe;
    place: [number, number];
    timestep: number;
    noisy: Digest;
    target: Digest;
  }[];
  losses: {
    timesteps: number[];
    weights: number[];
    cases: { recipe: GivenRecipe; masked: boolean; losses: number[]; loss: number; gradient: Digest }[];
  };
  steps: {
    recipe: GivenRecipe;
    masked: boolean;
    loss: number;
    losses: number[];
    gradients: Record<string, Digest>;
  }[];
  timesteps: { recipe: GivenRecipe; drawn: number[]; probabilities: Digest | null }[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'));
const golden: Golden = read('objective.json');

/** A recipe with nothing on but what the case names, as sd-scripts has it. */
const recipeOf = (recipe: GivenRecipe): Recipe =>
  completeRecipe({ minSnrGamma: 0, seed: golden.seed, ...recipe }, 'sd15', 64);

const scheduler = {
  ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' },
  ...{ predictionType: 'epsilon', rescaleZeroTerminalSnr: false },
} as Checkpoint['scheduler'];

const named = (recipe: GivenRecipe): string => JSON.stringify(recipe).replace(/["{}]/g, '') || 'plain';

/** Largest difference, relative to the expected number. */
function worst(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...expected.map((y, i) => Math.abs(actual[i] - y) / Math.abs(y)));
}

describe('weights by timestep', () => {
  test.each(golden.weights.map(row => [row.prediction, named(row.recipe), row] as const))(
    '%s, %s: sd-scripts',
    (_, __, { prediction, alphaBars, recipe, weights }) => {
      const actual = alphaBars.map(alphaBar => lossWeight(alphaBar, prediction, recipeOf(recipe)));
      // sd-scripts takes its SNR through two square roots in float32.
      expect(worst(actual, weights)).toBeLessThan(2e-6);
    },
  );

  test.each(golden.soft)('soft min-SNR, γ $gamma: k-diffusion', ({ gamma, alphaBars, ...expected }) => {
    for (const prediction of ['epsilon', 'v_prediction'] as const) {
      const recipe = recipeOf({ softMinSnrGamma: gamma });
      const actual = alphaBars.map(alphaBar => lossWeight(alphaBar, prediction, recipe));
      // Nine digits are stored.
      expect(worst(actual, expected[prediction])).toBeLessThan(1e-8);
      expect(softSnrWeight(0.3, gamma, prediction)).toBe(lossWeight(0.3, prediction, recipe));
    }
  });

  test('none: every timestep counts the same', () => {
    for (const prediction of ['epsilon', 'v_prediction'] as const)
      for (const alphaBar of [0.001, 0.5, 0.999])
        expect(lossWeight(alphaBar, prediction, recipeOf({}))).toBe(1);
  });
});

describe('Huber thresholds', () => {
  const { schedule } = openObjective({ scheduler }, recipeOf({}));
  test.each(golden.thresholds.map(row => [named(row.options), row] as const))('%s: sd-scripts', (_, row) => {
    const actual = row.timesteps.map(timestep =>
      huberThreshold(row.options, {
        timestep,
        alphaBar: schedule.alphasCumprod[timestep],
        trainSteps: 1000,
      }),
    );
    // Its ᾱ is a product of a thousand float32 factors (5e-6).
    expect(worst(actual, row.thresholds)).toBeLessThan(1e-5);
  });
});

describe('noise, timestep, noisy latent, target', () => {
  const latent = given('latent', [1, 4, 16, 12]);
  const moves = [0.5, -1, 0, 2];
  latent.data = latent.data.map((x, i) => x + moves[Math.floor(i / 192)]);
  test.each(golden.noises.map(row => [named(row.recipe), row.place.join('.'), row] as const))(
    '%s, sample %s: sd-scripts',
    (_, __, { recipe, place, timestep, noisy, target }) => {
      const sample = drawSample(latent, ...place, openObjective({ scheduler }, recipeOf(recipe)));
      expect(sample.timestep).toBe(timestep);
      // ᾱ of float32 as above; where it is moved to zero SNR, like numbers are subtracted (4e-5 of √ᾱ).
      expect(relativeError({ data: sample.noisy }, noisy)).toBeLessThan(1e-5);
      expect(relativeError({ data: sample.target }, target)).toBeLessThan(1e-5);
    },
  );

  test('what is off draws nothing: each option leaves the numbers of the others alone', () => {
    const plain = drawSample(latent, 3, 0, openObjective({ scheduler }, recipeOf({})));
    const perturbed = drawSample(
      latent,
      3,
      0,
      openObjective({ scheduler }, recipeOf({ inputPerturbation: 0.1 })),
    );
    expect(perturbed.target).toEqual(plain.target);
    expect(perturbed.timestep).toBe(plain.timestep);
    expect(perturbed.noisy).not.toEqual(plain.noisy);
  });
});

describe('timesteps', () => {
  test.each(golden.timesteps.map(row => [named(row.recipe), row] as const))('%s', (_, row) => {
    const recipe = recipeOf(row.recipe);
    const timestepOf = openTimesteps(recipe, 1000);
    const drawn = row.drawn.map((_, step) => timestepOf(step, 1));
    // The same numbers through the same map, in float64.
    expect(drawn).toEqual(row.drawn);
    const count = (recipe.maxTimestep ?? 1000) - recipe.minTimestep;
    const probabilities = timestepProbabilities(recipe, count);
    expect(probabilities === undefined).toBe(row.probabilities === null);
    // OneTrainer's are float32, and its ends are steep.
    if (probabilities && row.probabilities)
      expect(relativeError({ data: Float32Array.from(probabilities) }, row.probabilities)).toBeLessThan(1e-5);
  });

  test.each([
    ['beta', { timestepBias: 1.7, timestepWeight: 0.8 }],
    ['sigmoid', { timestepBias: 0.1, timestepWeight: 7 }],
  ] as const)('%s: drawn as often as its probabilities say', (timesteps, shape) => {
    const recipe = recipeOf({ timesteps, ...shape, minTimestep: 100, maxTimestep: 120 });
    const probabilities = timestepProbabilities(recipe, 20) as Float64Array;
    const timestepOf = openTimesteps(recipe, 1000);
    const counts = new Array<number>(20).fill(0);
    const draws = 20_000;
    for (let step = 0; step < draws; step++) counts[timestepOf(step, 0) - 100]++;
    const chiSquare = counts.reduce(
      (sum, seen, i) => sum + (seen - draws * probabilities[i]) ** 2 / (draws * probabilities[i]),
      0,
    );
    expect(chiSquare).toBeLessThan(43.8); // 19 degrees of freedom, 0.1 %
  });
});

describe('losses of a given prediction', () => {
  const { timesteps, weights, cases } = golden.losses;
  const shape = [timesteps.length, 4, 5, 6];
  const { schedule } = openObjective({ scheduler }, recipeOf({}));

  test.each(cases.map(row => [named(row.recipe), row.masked, row] as const))(
    '%s, masked %s: sd-scripts',
    async (_, masked, expected) => {
      const recipe = recipeOf(expected.recipe);
      const { loss, predictionType } = recipe;
      const levels = timesteps.map(timestep => ({
        timestep,
        alphaBar: schedule.alphasCumprod[timestep],
        trainSteps: 1000,
      }));
      const graph = f.createGraph();
      const [prediction, target] = ['prediction', 'target'].map(name => f.input(graph, name, shape));
      const losses = f.reshape(sampleLosses(graph, prediction, target, { loss, masked }), [3]);
      f.output('losses', losses);
      const total = f.reshape(f.reduceSum(f.mul(losses, f.input(graph, 'weights', [3])), [0]), []);
      f.output('loss', total);
      f.output('gradient', f.gradients(total, [prediction])[0]);
      const session = await f.openSession(graph);
      const feeds = {
        prediction: given('prediction', shape),
        target: given('target', shape),
        mask: {
          shape: [3, 1, 5, 6],
          data: given('mask', [3, 5, 6]).data.map(x => Math.abs(x) / Math.sqrt(3)),
        },
        huberC: { shape: [3], data: Float32Array.from(levels, level => huberThreshold(recipe, level)) },
        weights: {
          shape: [3],
          data: Float32Array.from(
            levels,
            ({ alphaBar }, i) => (weights[i] * lossWeight(alphaBar, predictionType ?? 'epsilon', recipe)) / 3,
          ),
        },
      };
      // Where a prediction is right, no loss has a slope.
      feeds.prediction.data.set(feeds.target.data.subarray(30, 60), 30);
      const result = await session.run(feeds);
      await session.release();
      // Float32; sd-scripts subtracts c from √(d² + c²), which loses digits of small d, and its ᾱ is 5e-6 off.
      expect(
        worst(
          result.losses.data.map((x, i) => x * weights[i]),
          expected.losses,
        ),
      ).toBeLessThan(1e-5);
      expect(worst(result.loss.data, [expected.loss])).toBeLessThan(1e-5);
      expect(relativeError(result.gradient, expected.gradient)).toBeLessThan(1e-5);
      expect([...result.gradient.data.subarray(30, 60)]).toEqual(new Array(30).fill(0));
    },
  );

  test('l2 asks for no threshold, Huber losses do', () => {
    expect(['l2', 'l1'].some(loss => hasThreshold(loss as Recipe['loss']))).toBe(false);
    expect(['huber', 'smooth_l1'].every(loss => hasThreshold(loss as Recipe['loss']))).toBe(true);
  });
});

describe('a whole step', () => {
  const unetGolden = read('models.json').unet_sd15;
  const weights = hashedSource(new Map(Object.entries(unetGolden.shapes as Record<string, number[]>)));
  const unet = { config: readUnetConfig(writeConfig(unetGolden.config)), weights, files: [] };
  const checkpoint = { family: 'sd15', unet, scheduler } as unknown as Checkpoint;
  const chosen = chooseTargets(listLayers(weights, 'unet'), 'mid_block*').filter(({ target }) =>
    /attn[12]\.to_[qkv]$/.test(target),
  );
  const layers = plainLora(chosen, { rank: 2, alpha: 1 });
  const both = given('latents', [2, 4, 8, 8]).data;
  const contexts = given('context', [2, 7, 48]).data;
  const mask = { shape: [1, 1, 8, 8], data: given('mask', [8, 8]).data.map(x => Math.abs(x) / Math.sqrt(3)) };
  const itemOf = (index: number, masked: boolean): TrainingItem => {
    const view = plainView({ shape: [1, 4, 8, 8], data: both.subarray(index * 256, (index + 1) * 256) });
    return {
      ...{ path: `${index}.png`, caption: String(index), repeats: 1 },
      ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
      views: [masked && index === 0 ? { ...view, lossMask: mask } : view],
    };
  };
  const text = (index: number) => ({
    context: { shape: [1, 7, 48], data: contexts.subarray(index * 336, (index + 1) * 336) },
  });
  const texts = knownTexts({ 0: text(0), 1: text(1), '': text(0) });

  test.each(golden.steps.map(row => [named(row.recipe), row.masked, row] as const))(
    '%s, masked %s: sd-scripts with PEFT',
    async (_, masked, expected) => {
      const recipe = recipeOf({ ...expected.recipe, batch: 2, captionDropout: 0 });
      const items = [itemOf(0, masked), itemOf(1, masked)];
      const batch = await openFeeds({ checkpoint, recipe, items, texts })([0, 1], 2, 0);
      expect('mask' in batch).toBe(masked);
      const { loss } = recipe;
      const shape = { batch: 2, height: 8, width: 8, tokens: 7, recompute: false, loss, masked };
      const step = await openTrainStep({ unet }, layers, shape);
      const parameters = new Map(
        layers.flatMap(({ target, shape: [out, inside] }) =>
          [['down', [2, inside]] as const, ['up', [out, 2]] as const].map(([role, own]) => {
            const name = `${target}.${role}`;
            return [name, { shape: [...own], data: hashed(peftName(name), [...own]) }] as const;
          }),
        ),
      );
      const { losses, gradients } = await step.run(batch, parameters);
      await step.release();
      const total = losses.data.reduce((sum, x, i) => sum + x * batch.weights.data[i], 0);
      // Float32 against float32 through a whole UNet and back, and ᾱ as above.
      expect(worst(losses.data, expected.losses)).toBeLessThan(1e-5);
      expect(worst([total], [expected.loss])).toBeLessThan(1e-5);
      expect([...gradients.keys()].map(peftName).sort()).toEqual(Object.keys(expected.gradients).sort());
      const errors = [...gradients].map(([name, gradient]) =>
        errorOfNorm(gradient, expected.gradients[peftName(name)]),
      );
      expect(Math.max(...errors)).toBeLessThan(5e-5);
    },
  );
});
