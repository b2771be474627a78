/** Steps that are not finite: left out, or done again more slowly; never saved, and the same after a resume. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { TrainingItem } from '../../src/dataset/index.ts';
import { isAllFinite, randomStream, type Tensor } from '../../src/engine/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { openCaptionTexts } from '../../src/training/captions.ts';
import { planRun } from '../../src/training/index.ts';
import { pointEvery, rateFactor } from '../../src/training/rollback.ts';
import type { Rollback, RunState } from '../../src/training/run-state.ts';
import { loadRunState, saveRunState } from '../../src/training/state/generations.ts';
import { openStepPool, type PoolSource, type StepPool } from '../../src/training/step-pool.ts';
import type { TrainStep } from '../../src/training/train-step.ts';
import { type LoopInput, newRunState, runLoop } from '../../src/training/trainer.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { plainView } from '../support/training-items.ts';

vi.setConfig({ testTimeout: 120_000 });

const checkpoint = openCheckpoint('pretrained/pocket');
const { recipe, layers } = planRun(checkpoint, {
  ...{
    steps: pointEvery + 12,
    batch: 1,
    rank: 2,
    targets: 'mid_block*attn2.to_v',
    learningRate: 1e-2,
    seed: 3,
  },
  ...{ schedule: 'constant', emaDecay: 0.9 },
});

const channels = checkpoint.vae.config.latentChannels;
const items = [0, 1].map((i): TrainingItem => {
  const data = randomStream(i, 'latents').normals(channels * 64);
  return {
    ...{ path: `${i}.png`, caption: `stripes ${i}`, repeats: 1 },
    ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
    views: [plainView({ shape: [1, channels, 8, 8], data })],
  };
});
const texts = await openCaptionTexts(
  items.map(({ caption }) => caption),
  { checkpoint, recipe },
  layers,
);
const input: LoopInput = { checkpoint, recipe, layers, items, texts, session: {} };

/** What goes wrong at a step (counted from 1), given the parameters; `undefined`: nothing. */
type Trouble = (
  step: number,
  parameters: ReadonlyMap<string, Tensor>,
) => 'loss' | 'gradient' | 'overflow' | undefined;

/** Steps that compute what they should, and then something goes wrong with it. */
const poolWith =
  (trouble: Trouble) =>
  (source: PoolSource): StepPool => {
    const pool = openStepPool(source);
    const wrapped = new WeakMap<TrainStep, TrainStep>();
    return {
      ...pool,
      async get(item) {
        const step = await pool.get(item);
        const known = wrapped.get(step);
        if (known) return known;
        const broken: TrainStep = {
          ...step,
          async run(batch, parameters, key) {
            const result = await step.run(batch, parameters, key);
            const [first] = result.gradients.values();
            const what = trouble((key?.step ?? 0) + 1, parameters);
            if (what === 'loss') result.losses.data[0] = Number.POSITIVE_INFINITY;
            if (what === 'gradient') first.data[1] = Number.NaN;
            if (what === 'overflow')
              parameters.get(`${layers[0].target}.down`)?.data.fill(Number.POSITIVE_INFINITY);
            return result;
          },
        };
        wrapped.set(step, broken);
        return broken;
      },
    };
  };

interface Ran {
  readonly state: RunState;
  readonly log: readonly (Rollback & { readonly message: string })[];
}

/** A whole run; stopped after `stops` steps and gone on with from a file. */
async function run(trouble: Trouble, stops: readonly number[] = []): Promise<Ran> {
  const path = join(temporaryFolder(), 'x.run-state');
  const log: (Rollback & { readonly message: string })[] = [];
  let state = await newRunState(input, 'f', 0);
  for (const stop of [...stops, recipe.steps]) {
    const controller = new AbortController();
    await runLoop(input, state, {
      signal: controller.signal,
      async onStep({ step }) {
        for (const { data } of state.parameters.values()) expect(isAllFinite(data)).toBe(true);
        if (step === stop) controller.abort();
      },
      onRollback: (entry, message) => void log.push({ ...entry, message }),
      openPool: poolWith(trouble),
    });
    await saveRunState(path, state);
    const found = loadRunState(path, 'f')?.state;
    if (!found) throw new Error('no state was saved');
    state = found;
  }
  return { state, log };
}

function expectSame(a: RunState, b: RunState): void {
  for (const field of ['step', 'parameters', 'optimizer', 'ema', 'losses', 'rollbacks'] as const)
    expect(b[field], field).toEqual(a[field]);
}

test('a step with a broken gradient or loss is left out, and the run is otherwise as it was', async () => {
  const untouched = await run(() => undefined);
  const { state, log } = await run(step => (step === 5 ? 'gradient' : step === 27 ? 'loss' : undefined));
  expect(log.map(({ message }) => message)).toEqual([
    'step 5 cannot be used: the norm of its gradients is NaN. It is left out.',
    'step 27 cannot be used: its loss is Infinity. It is left out.',
  ]);
  expect(state.step).toBe(recipe.steps);
  expect(state.losses).toHaveLength(recipe.steps);
  expect(state.losses[4]).toBe(state.losses[3]);
  expect(state.losses.slice(0, 4)).toEqual(untouched.state.losses.slice(0, 4));
  expect(state.losses[7]).not.toBe(untouched.state.losses[7]);
  const resumed = await run(step => (step === 5 ? 'gradient' : step === 27 ? 'loss' : undefined), [4, 6]);
  expectSame(state, resumed.state);
});

/** A run that breaks when its parameters are too large, as real ones do; it does not with a quarter of the rate. */
const tooLarge: Trouble = (step, parameters) => {
  const up = parameters.get(`${layers[0].target}.up`)?.data ?? new Float32Array();
  const norm = Math.sqrt(up.reduce((sum, x) => sum + x * x, 0));
  return step > pointEvery && norm > limit ? 'loss' : undefined;
};
let limit = 0;

test('a run that diverges goes back and on with a lower rate; resumed anywhere, bit for bit the same', async () => {
  // Three quarters between where it is when the point is taken and where it would go.
  const norms: number[] = [];
  await run((_, parameters) => {
    const up = parameters.get(`${layers[0].target}.up`)?.data ?? new Float32Array();
    norms.push(Math.sqrt(up.reduce((sum, x) => sum + x * x, 0)));
    return undefined;
  });
  limit = 0.35 * norms[pointEvery] + 0.65 * norms[norms.length - 1];
  const { state, log } = await run(tooLarge);
  expect(log[0].action).toBe('skip');
  expect(log[1]).toMatchObject({ action: 'lower', backTo: pointEvery });
  expect(log[1].message).toContain(`The run is back at step ${pointEvery}.`);
  expect(rateFactor(state)).toBeLessThan(1);
  expect(state.step).toBe(recipe.steps);
  for (const stops of [[pointEvery], [3, pointEvery + 4, pointEvery + 6]]) {
    const resumed = await run(tooLarge, stops);
    expectSame(state, resumed.state);
  }
});

test('parameters that overflow are taken back to where they were whole', async () => {
  let struck = false;
  const { state, log } = await run(step => {
    if (struck || step !== 10) return undefined;
    struck = true;
    return 'overflow';
  });
  expect(log[0]).toMatchObject({ step: 10, what: 'parameters', action: 'skip', backTo: 0 });
  expect(log[0].message).toMatch(
    /^step 10 cannot be used: unet\.\S+ is not finite after it\. It is left out\./,
  );
  expect(state.step).toBe(recipe.steps);
  for (const { data } of [...state.parameters.values(), ...(state.ema?.values() ?? [])])
    expect(isAllFinite(data)).toBe(true);
});

test('what nothing helps against ends the run; what was saved stays whole', async () => {
  const state = await newRunState(input, 'f', 0);
  const control = {
    onStep: async (): Promise<void> => undefined,
    openPool: poolWith(step => (step >= 3 ? 'gradient' : undefined)),
  };
  await expect(runLoop(input, state, control)).rejects.toMatchObject({
    code: 'TRAINING_NOT_FINITE',
    message: expect.stringContaining('4 remedies did not help'),
  });
  for (const { data } of state.parameters.values()) expect(isAllFinite(data)).toBe(true);
});
