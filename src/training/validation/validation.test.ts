/** Validation on the embedded model: what a look measures, when a run stops, and that the best is the best. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openPocketRun, type PocketRun } from '../../../test/support/pocket-run.ts';
import type { TrainingItem } from '../../dataset/index.ts';
import { randomStream, type Tensor } from '../../engine/index.ts';
import { batchesPerEpoch } from '../batches.ts';
import { addNoise, openObjective } from '../objective/objective.ts';
import type { GivenRecipe } from '../recipe/recipe.ts';
import type { RunState } from '../run-state.ts';
import { openEvaluationPool } from '../step-pool.ts';
import { newRunState, runLoop } from '../trainer.ts';
import { readLikenesses } from './leaks.ts';
import { findSteps, leaveOutCost, lookSteps, planFolds } from './leave-out.ts';
import { type Look, looksOf, noteLook } from './look.ts';
import { calmRecipe, lookOf, openFixedTimesteps, openMeasure } from './measure.ts';
import { splitPictures } from './split.ts';
import { meanOf } from './statistics.ts';
import { decide, sumUp } from './stopping.ts';
import { openValidator, stepsBetweenLooks, type Validator, validationCost } from './validator.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** Small pictures and a high rate: enough after some 40 steps, far too long after this many. */
const far = process.env.LORA_HEAVY ? 500 : 240;
const recipe = {
  ...{ steps: far, batch: 4, rank: 32, learningRate: 4e-3, schedule: 'constant' as const, seed: 1 },
  ...{
    resolution: { width: 32, height: 32 },
    validationShare: 0.3,
    validateEvery: 15,
    validationDraws: 8,
    patience: 3,
  },
} satisfies GivenRecipe;

let run: PocketRun;
let trained: readonly TrainingItem[];
let heldOut: readonly TrainingItem[];
let validator: Validator;
let fresh: () => Promise<RunState>;

beforeAll(async () => {
  run = await openPocketRun('examples/zorbi-character', 10, recipe);
  const likenesses = await readLikenesses(run.scan.pictures.map(({ path }) => path));
  const pictures = run.scan.pictures.map((picture, i) => ({
    ...{ path: picture.path, hash: picture.hash, subset: '', likeness: likenesses[i] },
  }));
  const split = splitPictures(pictures, { seed: 1, share: recipe.validationShare });
  trained = split.training.map(i => run.items[i]);
  heldOut = split.heldOut.map(i => run.items[i]);
  validator = openValidator({
    ...{ ...run, items: heldOut },
    batchesPerEpoch: batchesPerEpoch(trained, recipe.batch),
  });
  fresh = () => newRunState(run, '', 0);
});
afterAll(() => validator.release());

describe('a look', () => {
  test('is the same to the last bit whenever it is made, and differs when something was learnt', async () => {
    const state = await fresh();
    const first = await validator.look(state.parameters, state.frozen, 0);
    expect(await validator.look(state.parameters, state.frozen, 0)).toEqual(first);
    for (const [name, { data }] of state.parameters) if (name.endsWith('.up')) data.fill(0.01);
    const other = await validator.look(state.parameters, state.frozen, 0);
    expect(other.loss).not.toBe(first.loss);
    expect(first.pictures).toHaveLength(3);
    expect(first.low).toBeLessThan(first.loss);
    expect(first.loss).toBeCloseTo(meanOf(first.pictures), 12);
  });

  test('is the mean squared error of the velocity, worked out by hand, with the weight of its timestep', async () => {
    const state = await fresh();
    const pool = openEvaluationPool(
      { ...run, items: heldOut, tokens: run.texts.tokens },
      { prediction: true },
    );
    const measured = await openMeasure({ ...run, items: heldOut })(pool, state.parameters);
    const { schedule } = openObjective(run.checkpoint, run.recipe);
    const timestepOf = openFixedTimesteps(run.recipe, 1000);
    // Picture 1, draw 5: alone, four times, so that the batch is full.
    const sample = recipe.validationDraws + 5;
    const { latents } = heldOut[1].views[0];
    const noise = randomStream(1, 'noise', 2 ** 40, sample).normals(latents.data.length);
    const t = timestepOf(sample);
    const alphaBar = schedule.alphasCumprod[t];
    const { noisy, target } = addNoise(latents.data, noise, alphaBar, 'v_prediction');
    const four = (row: Float32Array, shape: readonly number[]): Tensor => ({
      ...{ shape: [4, ...shape], data: Float32Array.from([...row, ...row, ...row, ...row]) },
    });
    const [text] = await run.texts.get([heldOut[1].caption]);
    const step = await pool.get(heldOut[1]);
    const { prediction } = await step.run(
      {
        sample: four(noisy, latents.shape.slice(1)),
        target: four(target, latents.shape.slice(1)),
        timesteps: { shape: [4], data: Float32Array.of(t, t, t, t) },
        weights: { shape: [4], data: new Float32Array(4) },
        context: four(text.context?.data as Float32Array, text.context?.shape.slice(1) as number[]),
      },
      state.parameters,
    );
    await pool.release();
    const loss = meanOf([...target].map((x, i) => (x - (prediction as Tensor).data[i]) ** 2));
    const snr = alphaBar / (1 - alphaBar);
    // float32 sums in another order
    expect(Math.abs(measured.plain[1][5] / loss - 1)).toBeLessThan(1e-4);
    expect(Math.abs(measured.weighed[1][5] / ((loss * Math.min(snr, 5)) / (snr + 1)) - 1)).toBeLessThan(1e-4);
  });

  test('does not depend on what a recipe does to training samples', async () => {
    const wild = {
      ...run.recipe,
      ...{ captionDropout: 1, noiseOffset: 0.3, multiresIterations: 4, inputPerturbation: 0.5, flip: true },
      ...{ timesteps: 'sigmoid' as const, tagDropout: 0.9, shuffleTags: true },
    };
    const state = await fresh();
    const other = openValidator({ ...run, recipe: wild, items: heldOut, batchesPerEpoch: 2 });
    const calm = await validator.look(state.parameters, state.frozen, 0);
    expect(await other.look(state.parameters, state.frozen, 0)).toEqual(calm);
    await other.release();
    expect(calmRecipe(wild).minSnrGamma).toBe(5);
  });

  test('is refused where it is not finite, with the picture', () => {
    const broken = {
      weighed: [
        [1, 2],
        [Number.NaN, 1],
      ],
      plain: [
        [1, 2],
        [1, 1],
      ],
    };
    expect(() => lookOf(broken, 30, heldOut)).toThrow(/after step 30 .*\d\d\.png is NaN/);
  });
});

test('timesteps cover the range evenly, each picture at places of its own', () => {
  const options = { ...run.recipe, validationDraws: 10, minTimestep: 200, maxTimestep: 700 };
  const timestepOf = openFixedTimesteps(options, 1000);
  for (let sample = 0; sample < 50; sample++) {
    const low = 200 + 50 * (sample % 10);
    expect(timestepOf(sample)).toBeGreaterThanOrEqual(low);
    expect(timestepOf(sample)).toBeLessThan(low + 50);
  }
  expect(timestepOf(0)).not.toBe(timestepOf(10));
});

test.each([
  { steps: 1000, batches: 5, every: 25 },
  { steps: 1000, batches: 60, every: 60 },
  { steps: 1000, batches: 900, every: 100 },
  { steps: 5, batches: 3, every: 1 },
])('$steps steps with epochs of $batches batches: a look every $every', ({ steps, batches, every }) => {
  const timing = { steps, accumulate: 1, validateEvery: 0 };
  expect(stepsBetweenLooks(timing, batches)).toBe(every);
});

test('what validation costs is told before', () => {
  const timing = { steps: 1000, accumulate: 1, validateEvery: 100, batch: 1, validationDraws: 32 };
  // 11 looks of 64 passes are as much as 235 of 1000 steps.
  expect(validationCost(timing, 20, 2)).toEqual({ looks: 11, passesPerLook: 64, share: 704 / 3000 });
});

test('a set of ten trained far too long: the run stops, and its best is better than everything later', async () => {
  const state = await fresh();
  const input = { ...run, items: trained };
  let stoppedAt: { step: number; best: number; reason: string } | undefined;
  const look = async (): Promise<void> => {
    const found = await validator.look(state.parameters, state.frozen, state.step);
    noteLook(state, found, state.parameters);
    const { go, reason, best } = decide(looksOf(state), run.recipe);
    if (go === 'stop') stoppedAt ??= { step: state.step, best: best?.step ?? -1, reason };
  };
  await look();
  // The stop is noted and not obeyed, so that what would have come after is known.
  await runLoop(input, state, {
    onStep: async () => {
      if (validator.isDue(state.step, looksOf(state))) await look();
    },
  });
  const looks = looksOf(state);
  expect(looks.map(({ step }) => step)).toEqual(
    Array.from({ length: looks.length }, (_, i) => Math.min(far, 15 * i)),
  );
  expect(stoppedAt?.step).toBeLessThan(far / 2);
  const best = looks.find(({ step }) => step === stoppedAt?.best) as Look;
  for (const later of looks.filter(({ step }) => step > best.step))
    expect(later.loss).toBeGreaterThanOrEqual(best.loss);
  expect(best.loss).toBeLessThan(0.7 * looks[0].loss);
  expect(state.best?.step).toBe(best.step);
  // Not by luck of its draws: with other timesteps and noises the kept parameters are better than the last ones too.
  const others = openValidator({
    ...{ ...run, recipe: { ...run.recipe, seed: 77 }, items: heldOut, batchesPerEpoch: 2 },
  });
  const [kept, last] = [state.best?.parameters ?? new Map(), state.parameters];
  const again = await others.look(kept, state.frozen, 0);
  expect(again.loss).toBeLessThan((await others.look(last, state.frozen, 0)).loss);
  await others.release();
  // And the copy is what was measured: the same look, bit for bit.
  expect(await validator.look(kept, state.frozen, best.step)).toEqual(best);
  expect(sumUp(looks)).toMatch(/^the held-out loss was lowest at step \d+: \d+\.\d % below the base/);
  expect(decide(looks, { patience: 0 }).go).toBe('on');
});

test('leave two of six out, three times: steps are found, and the cost is told before', async () => {
  const pictures = run.items.slice(0, 6);
  const source = {
    folds: planFolds(
      pictures.map((_, i) => [i]),
      { seed: 1, folds: 3 },
    ),
    steps: 90,
    looks: 4,
    batchesPerEpoch: (indices: readonly number[]) =>
      batchesPerEpoch(
        indices.map(i => pictures[i]),
        4,
      ),
  };
  const cost = leaveOutCost(source, { draws: 8, batch: 4 });
  // An epoch has two batches with six pictures and one with four.
  expect(cost).toMatchObject({ runs: 3, stepsPerRun: 45, looks: 5, passes: 240 });
  expect(cost.timesRun).toBeCloseTo((3 * 45 + 240 / 3 / 4) / 90, 10);
  const runOnce = async (fold: (typeof source.folds)[number], at: readonly number[]): Promise<Look[]> => {
    const pick = (indices: readonly number[]) => indices.map(i => pictures[i]);
    const state = await fresh();
    const input = {
      ...run,
      items: pick(fold.training),
      recipe: { ...run.recipe, steps: at.at(-1) as number },
    };
    const own = openValidator({ ...input, items: pick(fold.heldOut), batchesPerEpoch: 1 });
    const looks = [await own.look(state.parameters, state.frozen, 0)];
    await runLoop(input, state, {
      onStep: async () => {
        if (at.includes(state.step)) looks.push(await own.look(state.parameters, state.frozen, state.step));
      },
    });
    await own.release();
    return looks;
  };
  const found = await findSteps(source, runOnce);
  expect(found.band.map(({ step }) => step)).toEqual(lookSteps(source));
  expect(found.band[0].loss).toBeGreaterThan(1.3 * Math.min(...found.band.map(({ loss }) => loss)));
  expect(found.chosenAt).toBeGreaterThan(0);
  expect(found.chosenAt).toBeLessThanOrEqual(found.lowestAt);
  expect(found.steps).toBe(2 * found.chosenAt);
  expect(found.reason).toMatch(/^on 6 left-out pictures the loss was lowest after \d+ steps/);
});
