/** @file The training loop: from opened data to A and B, one update after the other, resuming exactly. */

import { addInPlace, type SessionOptions } from '../engine/index.ts';
import {
  frozenParameters,
  initialParameters,
  type LoraWeights,
  limitNorms,
  rateFactorOf,
  type TrainedLayer,
  trainedTensors,
} from '../lora/index.ts';
import { type Checkpoint, checkFiniteWeights } from '../models/index.ts';
import { fillBatch, openBatches } from './batches.ts';
import { startFrom } from './continue-from.ts';
import { emaDecayAt, startEma, updateEma } from './ema.ts';
import { type FeedSource, openFeeds } from './feeds.ts';
import { newWordParameters, newWordRateFactors } from './new-word.ts';
import { clipGradients } from './optimizers/clip-gradients.ts';
import { type Optimizer, openOptimizer } from './optimizers/optimizer.ts';
import type { Prior } from './prior.ts';
import { brokenParameter, type Failure, isSkipped, keepPoint, rateFactor, rollBack } from './rollback.ts';
import type { Rollback, RunState } from './run-state.ts';
import { learningRateAt } from './schedules.ts';
import { openStepPool, type PoolSource, type StepPool, stepWeights } from './step-pool.ts';
import type { StepBatch, TrainStep } from './train-step.ts';

export interface LoopInput extends FeedSource {
  readonly checkpoint: Checkpoint;
  readonly layers: readonly TrainedLayer[];
  readonly session: SessionOptions;
  /** Memory is scarce: sessions of other bucket sizes are closed. */
  readonly frugal?: boolean;
  /** What the base would predict is learnt beside. */
  readonly prior?: Prior | undefined;
}

export interface StepReport {
  /** Finished steps. */
  readonly step: number;
  /** Mean over the samples of the step, without weights. */
  readonly loss: number;
  /** The same against what the base predicts for the class, where that is learnt beside. */
  readonly priorLoss?: number;
  readonly rate: number;
  readonly gradientNorm: number;
  /** Layers whose ΔW was above its largest norm and was scaled down to it. */
  readonly scaledLayers: number;
  readonly seconds: number;
  /** Of them, those in which the model ran. */
  readonly modelSeconds: number;
  /** A session was opened in it, so its time says little. */
  readonly opened: boolean;
}

/** The state a new run starts from; `startedAt` in Unix seconds. */
export async function newRunState(
  { layers, recipe, checkpoint }: Pick<LoopInput, 'layers' | 'recipe' | 'checkpoint'>,
  fingerprint: string,
  startedAt: number,
  /** A LoRA to go on from. */
  from?: LoraWeights,
): Promise<RunState> {
  const ofLayers = await initialParameters(layers, recipe.seed, target => readLayer(checkpoint, target));
  if (from) startFrom(from, layers, ofLayers);
  const parameters = new Map([...ofLayers, ...newWordParameters(checkpoint, recipe)]);
  return {
    step: 0,
    parameters,
    frozen: frozenParameters(layers, parameters),
    optimizer: openOptimizer(recipe).start(parameters),
    ...(recipe.emaDecay > 0 ? { ema: startEma(parameters) } : {}),
    ...{ losses: [], looks: [], rollbacks: [], fingerprint, startedAt },
  };
}

/** The weight of a layer: its target starts with the name of its part. */
function readLayer({ unet, textEncoder, textEncoder2 }: Checkpoint, target: string): Float32Array {
  const parts = { unet, text_encoder: textEncoder, text_encoder_2: textEncoder2 };
  const [part, ...path] = target.split('.');
  const found = parts[part as keyof typeof parts];
  if (!found) throw new Error(`${target} is in no part of the base`);
  return found.weights.read(`${path.join('.')}.weight`);
}

interface StepGradients {
  readonly loss: number;
  readonly priorLoss?: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly modelSeconds: number;
  readonly opened: boolean;
}

/** Loss and gradients of one step (0-based), summed over its micro-steps. */
type ComputeStep = (state: RunState, step: number) => Promise<StepGradients>;

function openSteps(input: LoopInput, pool: StepPool): ComputeStep {
  const { recipe, items, prior } = input;
  const { batch, accumulate } = recipe;
  const batchOf = openBatches(items, batch, recipe.seed);
  const feedsOf = openFeeds(input);
  const known = new WeakSet();
  return async (state, step) => {
    const gradients = new Map<string, Float32Array>();
    let [loss, priorLoss] = [0, 0];
    let opened = false;
    let modelSeconds = 0;
    const add = (result: Awaited<ReturnType<TrainStep['run']>>): number => {
      for (const [name, { data }] of result.gradients) {
        const sum = gradients.get(name);
        if (sum) addInPlace(sum, data);
        else gradients.set(name, data);
      }
      return result.losses.data.reduce((sum, value) => sum + value / (batch * accumulate), 0);
    };
    for (let k = 0; k < accumulate; k++) {
      const indices = fillBatch(batchOf(step * accumulate + k), batch);
      const trainStep = await pool.get(items[indices[0]]);
      opened ||= !known.has(trainStep);
      known.add(trainStep);
      const kept = new Map([...state.parameters, ...state.frozen]);
      const run = async (fed: StepBatch, first: number): Promise<number> => {
        const started = performance.now();
        const result = await trainStep.run(fed, kept, { seed: recipe.seed, step, first });
        modelSeconds += (performance.now() - started) / 1000;
        return add(result);
      };
      loss += await run(await feedsOf(indices, step, k * batch), k * batch);
      if (prior) priorLoss += await run(await prior.feeds(step * accumulate + k), (accumulate + k) * batch);
    }
    return { loss, ...(prior ? { priorLoss } : {}), gradients, modelSeconds, opened };
  };
}

/** What the rate of the run is multiplied by, for each parameter. */
function rateFactors({ layers, checkpoint, recipe }: LoopInput): Map<string, number> {
  const ofLayers = layers.flatMap(layer =>
    trainedTensors(layer).map(([role]) => [`${layer.target}.${role}`, rateFactorOf(layer, role)] as const),
  );
  return new Map([...ofLayers, ...newWordRateFactors(checkpoint, recipe)]);
}

type Updated = Pick<StepReport, 'gradientNorm' | 'scaledLayers'>;

/** Clips, then moves everything that is trained in place; or says what is not finite, before or after. */
function update(
  state: RunState,
  { loss, priorLoss = 0, gradients }: StepGradients,
  { recipe, layers }: LoopInput,
  optimizer: Optimizer,
  rateOf: (name: string) => number,
): Updated | Failure {
  if (!Number.isFinite(loss + priorLoss)) return { what: 'loss', found: String(loss + priorLoss) };
  const limit = recipe.maxGradientNorm || Number.POSITIVE_INFINITY;
  const gradientNorm = clipGradients([...gradients.values()], limit);
  if (!Number.isFinite(gradientNorm)) return { what: 'gradient', found: String(gradientNorm) };
  const step = state.step + 1;
  const { parameters } = state;
  optimizer.update({ parameters, gradients, state: state.optimizer, rateOf, step });
  const scaledLayers = limitNorms(layers, parameters);
  const found = brokenParameter(parameters);
  if (found !== undefined) return { what: 'parameters', found };
  if (state.ema) updateEma(state.ema, parameters, emaDecayAt(recipe, step));
  return { gradientNorm, scaledLayers };
}

/** Moves on without an update. */
function leaveOut(state: RunState): void {
  state.losses.push(state.losses.at(-1) ?? 0);
  state.step++;
}

/** The rate that the recipe has for a step (0-based). */
function plannedRate(recipe: LoopInput['recipe'], step: number): number {
  const { schedule: name, learningRate: rate, warmupSteps, steps, decaySteps } = recipe;
  const { scheduleCycles: cycles, schedulePower: power, scheduleMinRatio: minRatio } = recipe;
  return learningRateAt({ name, rate, warmupSteps, steps, cycles, power, minRatio, decaySteps }, step);
}

export interface LoopControl {
  /** Aborting ends the loop before the next step. */
  readonly signal?: AbortSignal | undefined;
  /** Waited for before every step, as long as it takes; the time is no time of a step. An abort ends the wait. */
  readonly betweenSteps?: (() => Promise<void>) | undefined;
  /** Runs after every step; may save. */
  readonly onStep: (report: StepReport) => Promise<void>;
  /** Told when a step could not be used: what was decided, and in words. */
  readonly onRollback?: ((entry: Rollback, message: string) => void) | undefined;
  /** Opens the sessions of steps. */
  readonly openPool?: (source: PoolSource) => StepPool;
}

/** Waits for others. Whatever becomes of the wait, an abort is told by the signal alone, so that the run ends as it should. */
async function waitBetween({
  betweenSteps,
  signal,
}: Pick<LoopControl, 'betweenSteps' | 'signal'>): Promise<void> {
  if (!betweenSteps) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  signal?.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([betweenSteps(), aborted]);
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** Trains from `state.step` to the recipe's last step, changing `state` in place. */
export async function runLoop(input: LoopInput, state: RunState, control: LoopControl): Promise<void> {
  const { signal, onStep, onRollback, openPool = openStepPool } = control;
  const { recipe, texts, checkpoint, layers } = input;
  const pool = openPool({ ...input, tokens: texts.tokens, frugal: input.frugal ?? false });
  const computeStep = openSteps(input, pool);
  const optimizer = openOptimizer(recipe);
  const factors = rateFactors(input);
  let isBaseWhole = false;
  try {
    while (state.step < recipe.steps && !signal?.aborted) {
      await waitBetween(control);
      if (signal?.aborted) break;
      keepPoint(state);
      if (isSkipped(state)) {
        leaveOut(state);
        continue;
      }
      const started = performance.now();
      const rate = plannedRate(recipe, state.step) * rateFactor(state);
      const computed = await computeStep(state, state.step);
      const updated = update(state, computed, input, optimizer, name => rate * (factors.get(name) ?? 1));
      if ('what' in updated) {
        // A broken tensor of the base is named; it breaks every step.
        if (!isBaseWhole) for (const weights of stepWeights(checkpoint, layers)) checkFiniteWeights(weights);
        isBaseWhole = true;
        const { entry, message } = rollBack(state, updated);
        onRollback?.(entry, message);
        continue;
      }
      state.step++;
      state.losses.push(Math.fround(computed.loss));
      const seconds = (performance.now() - started) / 1000;
      const { opened, gradients: _, ...losses } = computed;
      await onStep({ step: state.step, ...losses, rate, ...updated, seconds, opened });
    }
  } finally {
    await pool.release();
  }
}
