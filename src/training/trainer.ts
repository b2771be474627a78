/** @file The training loop: from opened data to A and B, one update after the other, resuming exactly. */

import { addInPlace, type SessionOptions } from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import {
  frozenParameters,
  initialParameters,
  type LoraWeights,
  limitNorms,
  rateFactorOf,
  type TrainedLayer,
  trainedTensors,
} from '../lora/index.ts';
import { type Checkpoint, checkFiniteWeights, type WeightSource } from '../models/index.ts';
import { adamWDefaults, adamWUpdate, clipGradients, newMoments } from './adamw.ts';
import { fillBatch, openBatches } from './batches.ts';
import { startFrom } from './continue-from.ts';
import { type FeedSource, openFeeds } from './feeds.ts';
import { learningRateAt } from './learning-rate.ts';
import type { RunState } from './run-state.ts';
import { openStepPool, type StepPool, stepWeights } from './step-pool.ts';

export interface LoopInput extends FeedSource {
  readonly checkpoint: Checkpoint;
  readonly layers: readonly TrainedLayer[];
  readonly session: SessionOptions;
  /** Memory is scarce: sessions of other bucket sizes are closed. */
  readonly frugal?: boolean;
}

export interface StepReport {
  /** Finished steps. */
  readonly step: number;
  /** Mean squared error over the samples of the step, without min-SNR weights. */
  readonly loss: number;
  readonly rate: number;
  readonly gradientNorm: number;
  /** Layers whose ΔW was above its largest norm and was scaled down to it. */
  readonly scaledLayers: number;
  readonly seconds: number;
}

/** The state a new run starts from; `startedAt` in Unix seconds. */
export async function newRunState(
  { layers, recipe, checkpoint }: Pick<LoopInput, 'layers' | 'recipe' | 'checkpoint'>,
  fingerprint: string,
  startedAt: number,
  /** A LoRA to go on from. */
  from?: LoraWeights,
): Promise<RunState> {
  const parameters = await initialParameters(layers, recipe.seed, target => readLayer(checkpoint, target));
  if (from) startFrom(from, layers, parameters);
  const frozen = frozenParameters(layers, parameters);
  const moments = new Map([...parameters].map(([name, { data }]) => [name, newMoments(data.length)]));
  return { step: 0, parameters, frozen, moments, losses: [], fingerprint, startedAt };
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
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Loss and gradients of one step (0-based), summed over its micro-steps. */
type ComputeStep = (state: RunState, step: number) => Promise<StepGradients>;

function openSteps(input: LoopInput, pool: StepPool): ComputeStep {
  const { recipe, items } = input;
  const { batch, accumulate } = recipe;
  const batchOf = openBatches(items, batch, recipe.seed);
  const feedsOf = openFeeds(input);
  return async (state, step) => {
    const gradients = new Map<string, Float32Array>();
    let loss = 0;
    for (let k = 0; k < accumulate; k++) {
      const indices = fillBatch(batchOf(step * accumulate + k), batch);
      const trainStep = await pool.get(items[indices[0]]);
      const kept = new Map([...state.parameters, ...state.frozen]);
      const key = { seed: recipe.seed, step, first: k * batch };
      const result = await trainStep.run(await feedsOf(indices, step, k * batch), kept, key);
      for (const value of result.losses.data) loss += value / (batch * accumulate);
      for (const [name, { data }] of result.gradients) {
        const sum = gradients.get(name);
        if (sum) addInPlace(sum, data);
        else gradients.set(name, data);
      }
    }
    return { loss, gradients };
  };
}

/** A broken tensor of the base is named; else the run itself went out of bounds. */
function checkFinite(loss: number, norm: number, step: number, base: readonly WeightSource[]): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  for (const weights of base) checkFiniteWeights(weights);
  const message = `step ${step + 1}: the loss is ${loss}, the gradient norm ${norm}`;
  const hint = 'Lower the learning rate; check the base model and the pictures. Nothing broken was saved.';
  throw new LoraError('TRAINING_NOT_FINITE', message, { hint });
}

/** What the rate of the run is multiplied by, for each parameter. */
function rateFactors(layers: readonly TrainedLayer[]): Map<string, number> {
  return new Map(
    layers.flatMap(layer =>
      trainedTensors(layer).map(([role]) => [`${layer.target}.${role}`, rateFactorOf(layer, role)] as const),
    ),
  );
}

/** Clips, then moves every A and B in place; returns the norm before clipping, and how many layers were scaled. */
function update(
  state: RunState,
  { loss, gradients }: StepGradients,
  { recipe, layers, checkpoint }: LoopInput,
  rate: number,
): Pick<StepReport, 'gradientNorm' | 'scaledLayers'> {
  const limit = recipe.maxGradientNorm || Number.POSITIVE_INFINITY;
  const norm = clipGradients([...gradients.values()], limit);
  checkFinite(loss, norm, state.step, stepWeights(checkpoint, layers));
  const options = { ...adamWDefaults, weightDecay: recipe.weightDecay };
  const factors = rateFactors(layers);
  for (const [name, { data }] of state.parameters) {
    const moments = state.moments.get(name);
    const gradient = gradients.get(name);
    const own = rate * (factors.get(name) ?? 1);
    if (moments && gradient) adamWUpdate(data, gradient, moments, own, state.step + 1, options);
  }
  state.step++;
  state.losses.push(Math.fround(loss));
  return { gradientNorm: norm, scaledLayers: limitNorms(layers, state.parameters) };
}

export interface LoopControl {
  /** Aborting ends the loop before the next step. */
  readonly signal?: AbortSignal | undefined;
  /** Runs after every step; may save. */
  readonly onStep: (report: StepReport) => Promise<void>;
}

/** Trains from `state.step` to the recipe's last step, changing `state` in place. */
export async function runLoop(
  input: LoopInput,
  state: RunState,
  { signal, onStep }: LoopControl,
): Promise<void> {
  const { recipe, texts } = input;
  const pool = openStepPool({ ...input, tokens: texts.tokens, frugal: input.frugal ?? false });
  const computeStep = openSteps(input, pool);
  const { schedule: name, learningRate, warmupSteps, steps } = recipe;
  try {
    while (state.step < steps && !signal?.aborted) {
      const started = performance.now();
      const rate = learningRateAt({ name, rate: learningRate, warmupSteps, steps }, state.step);
      const result = await computeStep(state, state.step);
      const updated = update(state, result, input, rate);
      const seconds = (performance.now() - started) / 1000;
      await onStep({ step: state.step, loss: result.loss, rate, ...updated, seconds });
    }
  } finally {
    await pool.release();
  }
}
