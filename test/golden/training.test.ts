/** Training arithmetic against torch, transformers, diffusers and PEFT (tools/goldens/training.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { TrainingItem } from '../../src/dataset/index.ts';
import { noiseSchedule } from '../../src/diffusion/index.ts';
import { chooseTargets, plainLora } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { type Checkpoint, type EncodedText, listLayers } from '../../src/models/index.ts';
import { snrWeight } from '../../src/training/objective/loss-weight.ts';
import { addNoise } from '../../src/training/objective/objective.ts';
import { adamWDefaults, adamWUpdate, newMoments } from '../../src/training/optimizers/adamw.ts';
import { clipGradients } from '../../src/training/optimizers/clip-gradients.ts';
import { completeRecipe, type Recipe } from '../../src/training/recipe/recipe.ts';
import type { RunState } from '../../src/training/run-state.ts';
import { learningRateAt, type ScheduleName } from '../../src/training/schedules.ts';
import { newRunState, runLoop, type StepReport } from '../../src/training/trainer.ts';
import { writeConfig } from '../support/configs.ts';
import { knownTexts, plainView } from '../support/training-items.ts';
import { type Digest, given, hashed, hashedSource, peftName, relativeError } from './hashed-weights.ts';

type Prediction = 'epsilon' | 'v_prediction';

interface Golden {
  adamw: {
    weightDecay: number;
    steps: { rate: number; parameter: number[]; first: number[]; second: number[] }[];
  };
  clipping: { limit: number; norm: number; gradients: number[][] }[];
  schedules: {
    name: ScheduleName;
    warmupSteps: number;
    steps: number;
    torch: number[];
    transformers: number[];
  }[];
  noising: {
    prediction: Prediction;
    zeroTerminalSnr: boolean;
    timestep: number;
    alphaBar: number;
    noisy: number[];
    target: number[];
    weights: Record<string, number>;
  }[];
  steps: {
    prediction: Prediction;
    noiseOffset: number;
    reports: { loss: number; rate: number; gradientNorm: number }[];
    parameters: Record<string, Digest>;
  }[];
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'));
const golden: Golden = read('training.json');

/** Largest difference, relative to the size of the expected number but at least to `floor`. */
function worst(actual: ArrayLike<number>, expected: readonly number[], floor: number): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...expected.map((y, i) => Math.abs(actual[i] - y) / Math.max(Math.abs(y), floor)));
}

describe('AdamW', () => {
  test('parameters and moments of 8 steps equal torch, also across a saved state', () => {
    const { data: parameter } = given('adamw parameter', [7]);
    const moments = newMoments(7);
    const options = { ...adamWDefaults, weightDecay: golden.adamw.weightDecay };
    for (const [i, expected] of golden.adamw.steps.entries()) {
      const gradient = given(`adamw gradient ${i}`, [7]).data.map((g, k) => g * 10 ** (k - 6));
      adamWUpdate(parameter, gradient, moments, expected.rate, i + 1, options);
      // float32 rounding of each operation: a few units of 6e-8.
      expect(worst(parameter, expected.parameter, 1e-3), `parameter, step ${i}`).toBeLessThan(1e-6);
      expect(worst(moments.first, expected.first, 1e-12), `first, step ${i}`).toBeLessThan(2e-6);
      expect(worst(moments.second, expected.second, 1e-20), `second, step ${i}`).toBeLessThan(2e-6);
    }
  });

  test.each(golden.clipping)('clipping to $limit equals torch', ({ limit, norm, gradients }) => {
    const actual = [5, 3].map((n, i) => given(`clip ${i}`, [n]).data);
    expect(clipGradients(actual, limit)).toBeCloseTo(norm, 5);
    for (const [i, expected] of gradients.entries())
      expect(worst(actual[i], expected, 1e-3)).toBeLessThan(1e-6);
  });
});

describe.each(golden.schedules)('$name rate, warm-up $warmupSteps of $steps', row => {
  const rates = row.torch.map((_, step) => learningRateAt({ ...row, rate: 2e-3 }, step));

  test('equals torch schedulers in a row', () => {
    // torch multiplies from step to step, in float64.
    expect(worst(rates, row.torch, 2e-3)).toBeLessThan(1e-12);
  });

  test('equals transformers, whose warm-up is one step later: its first step is at rate 0', () => {
    const late = row.transformers.map((_, step) =>
      step === 0 && row.warmupSteps > 0 ? 0 : rates[step < row.warmupSteps ? step - 1 : step],
    );
    expect(worst(late, row.transformers, 2e-3)).toBeLessThan(1e-12);
  });
});

describe.each(golden.noising)('noise, $prediction, t $timestep, zero terminal SNR $zeroTerminalSnr', row => {
  const schedule = noiseSchedule({
    ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, kind: 'scaled_linear' },
    rescaleZeroTerminalSnr: row.zeroTerminalSnr,
  });
  test('ᾱ, noisy latent and target equal DDPMScheduler', () => {
    const alphaBar = schedule.alphasCumprod[row.timestep];
    // diffusers multiplies a thousand float32 factors (1e-6), and shifts to zero by subtracting like numbers (4e-5).
    const tolerance = row.zeroTerminalSnr ? 1e-4 : 5e-6;
    expect(worst([alphaBar], [row.alphaBar], 1e-12)).toBeLessThan(tolerance);
    const [latent, noise] = ['latent', 'noise'].map(name => given(name, [1, 4, 3, 2]).data);
    const { noisy, target } = addNoise(latent, noise, row.alphaBar, row.prediction);
    expect(worst(noisy, row.noisy, 1)).toBeLessThan(5e-7);
    expect(worst(target, row.target, 1)).toBeLessThan(5e-7);
  });

  test('min-SNR weights equal the formula of diffusers over its own SNR', () => {
    for (const [gamma, weight] of Object.entries(row.weights)) {
      const actual = snrWeight(row.alphaBar, Number(gamma), row.prediction);
      expect(worst([actual], [weight], 1e-12), `gamma ${gamma}`).toBeLessThan(1e-6);
    }
    expect(snrWeight(row.alphaBar, 0, row.prediction)).toBe(1);
  });
});

describe.each(golden.steps)('three whole steps, $prediction, noise offset $noiseOffset', row => {
  const unetGolden = read('models.json').unet_sd15;
  const recipe = completeRecipe(
    {
      ...{ steps: 3, rank: 4, alpha: 2, batch: 2, accumulate: 2, seed: 7, targets: 'linear', flip: true },
      ...{ learningRate: 1e-3, schedule: 'cosine', warmupSteps: 2, weightDecay: 0.01, maxGradientNorm: 0.15 },
      ...{ captionDropout: 0.3, minSnrGamma: 5, noiseOffset: row.noiseOffset },
    },
    'sd15',
    64,
  );
  const weights = hashedSource(new Map(Object.entries(unetGolden.shapes as Record<string, number[]>)));
  const checkpoint = {
    family: 'sd15',
    unet: { config: readUnetConfig(writeConfig(unetGolden.config)), weights, files: [] },
    scheduler: {
      ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' },
      ...{ predictionType: row.prediction, rescaleZeroTerminalSnr: false },
    },
  } as unknown as Checkpoint;
  const item: TrainingItem = {
    ...{ path: 'a.png', caption: 'a', repeats: 1 },
    ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
    views: [plainView(given('upright latent', [1, 4, 8, 8]))],
    mirroredViews: [plainView(given('mirrored latent', [1, 4, 8, 8]))],
  };
  const text = (name: string): EncodedText => ({
    context: given(name, [1, 7, 48]),
    pooled: undefined,
    truncated: '',
  });
  const texts = knownTexts({ a: text('caption'), '': text('no caption') });
  const layers = plainLora(chooseTargets(listLayers(weights, 'unet'), recipe.targets), recipe);

  /** Trains the item from hashed A and B. */
  async function trainSteps(changed: Partial<Recipe>): Promise<{ state: RunState; reports: StepReport[] }> {
    const input = {
      checkpoint,
      recipe: { ...recipe, ...changed },
      layers,
      items: [item],
      texts,
      session: {},
    };
    const state = await newRunState(input, '', 0);
    for (const [name, { shape, data }] of state.parameters) {
      const isConvolution = unetGolden.shapes[`${name.slice(5, name.lastIndexOf('.'))}.weight`].length === 4;
      data.set(hashed(peftName(name), isConvolution ? [...shape, 1, 1] : shape));
    }
    const reports: StepReport[] = [];
    await runLoop(input, state, { onStep: async report => void reports.push(report) });
    return { state, reports };
  }

  test('losses, rates, norms, and all of A and B equal diffusers with PEFT and torch', async () => {
    const { state, reports } = await trainSteps({});
    for (const [i, expected] of row.reports.entries()) {
      // Float32 against float32 with another order of summation, through a whole UNet and back; measured 1e-7.
      expect(worst([reports[i].loss], [expected.loss], 1), `loss ${i}`).toBeLessThan(2e-6);
      expect(worst([reports[i].gradientNorm], [expected.gradientNorm], 1e-3), `norm ${i}`).toBeLessThan(5e-6);
      expect(reports[i].rate).toBeCloseTo(expected.rate, 12);
    }
    const names = [...state.parameters.keys()];
    expect(names.map(peftName).sort()).toEqual(Object.keys(row.parameters).sort());
    const errors = names.map(name =>
      relativeError(state.parameters.get(name) as { data: Float32Array }, row.parameters[peftName(name)]),
    );
    // AdamW divides by the size of the gradient, so tiny ones count as much as large ones; measured 1e-6, 1e-5.
    expect(Math.max(...errors)).toBeLessThan(5e-5);
  });

  test.runIf(row.prediction === 'epsilon')('4 micro-steps of 1 equal 1 of 4', async () => {
    const [apart, together] = [
      await trainSteps({ batch: 1, accumulate: 4 }),
      await trainSteps({ batch: 4, accumulate: 1 }),
    ];
    for (const [i, { loss, gradientNorm }] of together.reports.entries()) {
      // The same sums in another order; measured 1e-7.
      expect(worst([apart.reports[i].loss], [loss], 1)).toBeLessThan(2e-6);
      expect(worst([apart.reports[i].gradientNorm], [gradientNorm], 1e-3)).toBeLessThan(5e-6);
    }
    for (const [name, { data }] of together.state.parameters) {
      const other = (apart.state.parameters.get(name) as { data: Float32Array }).data;
      const norm = Math.hypot(...data);
      expect(Math.hypot(...data.map((x, i) => x - other[i])) / norm, name).toBeLessThan(5e-5);
    }
  });
});
