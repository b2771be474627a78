/** @file Sessions of the training step, one a bucket size. */

import type { TrainingItem } from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import type { TrainedLayer } from '../lora/index.ts';
import { type Checkpoint, holdWeights, isExactForm, type WeightSource } from '../models/index.ts';
import { trainedEncoders } from './captions.ts';
import { hasLossMasks } from './feeds.ts';
import type { Recipe } from './recipe/recipe.ts';
import type { StepBase, StepShape } from './step-graph.ts';
import { type EvaluationStep, openEvaluationStep, openTrainStep, type TrainStep } from './train-step.ts';

export interface PoolSource {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  /** Those that batches are made of: whether some have loss masks decides what is fed. */
  readonly items: readonly TrainingItem[];
  /** Of every caption. */
  readonly tokens: number;
  readonly session: SessionOptions;
  /** Memory is scarce: never more than one session. */
  readonly frugal: boolean;
}

export interface StepPool<Step = TrainStep> {
  /** The session for pictures of this item's bucket. */
  get(item: TrainingItem): Promise<Step>;
  /** Closes all sessions; those asked for later are opened again. */
  release(): Promise<void>;
}

/** All sessions stay open for a small model, one at a time for a large one, whose activations fill the memory. */
function openAtOnce({ checkpoint, frugal }: PoolSource): number {
  return checkpoint.family === 'pocket' && !frugal ? 8 : 1;
}

/** The UNet and the text encoders with their weights held as the recipe says. */
export function holdBase(base: StepBase, form: Recipe['baseWeights']): StepBase {
  if (form === 'file') return base;
  const hold = <P extends { readonly weights: WeightSource }>(part: P): P => ({
    ...part,
    weights: holdWeights(part.weights, form),
  });
  const { unet, textEncoder, textEncoder2 } = base;
  return {
    ...base,
    unet: hold(unet),
    ...(textEncoder ? { textEncoder: hold(textEncoder) } : {}),
    ...(textEncoder2 ? { textEncoder2: hold(textEncoder2) } : {}),
  };
}

/** Weights of the parts that are in the graph of a step. */
export function stepWeights(base: StepBase, layers: readonly TrainedLayer[]): WeightSource[] {
  return [base.unet, ...trainedEncoders(base, layers).map(({ part }) => part)].map(({ weights }) => weights);
}

/** Whether a base that is held as the recipe says has exactly the numbers of its file. */
export function isExactBase(
  base: StepBase,
  layers: readonly TrainedLayer[],
  form: Recipe['baseWeights'],
): boolean {
  return form === 'file' || stepWeights(base, layers).every(weights => isExactForm(weights, form));
}

type OpenStep<Step> = (
  base: StepBase,
  layers: readonly TrainedLayer[],
  shape: StepShape,
  options: SessionOptions,
) => Promise<Step>;

function openPool<Step extends { release(): Promise<void> }>(
  source: PoolSource,
  openStep: OpenStep<Step>,
): StepPool<Step> {
  const { checkpoint, recipe, layers, items, tokens, session } = source;
  const { batch, recompute, loss } = recipe;
  const masked = hasLossMasks(items);
  const base = holdBase(checkpoint, recipe.baseWeights);
  const open = new Map<string, Step>();
  return {
    async get({ views: [{ latents }] }) {
      const [, , height, width] = latents.shape;
      const key = `${height}x${width}`;
      const known = open.get(key);
      if (known) return known;
      for (const [oldest, step] of open) {
        if (open.size < openAtOnce(source)) break;
        await step.release();
        open.delete(oldest);
      }
      const shape = { batch, height, width, tokens, recompute, loss, masked };
      const step = await openStep(base, layers, shape, session);
      open.set(key, step);
      return step;
    },
    async release() {
      for (const step of open.values()) await step.release();
      open.clear();
    },
  };
}

/** Steps that train. */
export function openStepPool(source: PoolSource): StepPool {
  return openPool(source, openTrainStep);
}

/** Steps that only look, on batches of the same recipe; `prediction` asks for what the UNet predicts too. */
export function openEvaluationPool(
  source: PoolSource,
  { prediction = false }: { readonly prediction?: boolean } = {},
): StepPool<EvaluationStep> {
  return openPool(source, (base, layers, shape, options) =>
    openEvaluationStep(base, layers, { ...shape, prediction }, options),
  );
}
