/** @file Sessions of the training step, one a bucket size. */

import type { TrainingItem } from '../dataset/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import type { TrainedLayer } from '../lora/index.ts';
import { type Checkpoint, holdWeights, isExactForm, type WeightSource } from '../models/index.ts';
import { trainedEncoders } from './captions.ts';
import type { Recipe } from './recipe/recipe.ts';
import type { StepBase } from './step-graph.ts';
import { openTrainStep, type TrainStep } from './train-step.ts';

export interface PoolSource {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  /** Of every caption. */
  readonly tokens: number;
  readonly session: SessionOptions;
  /** Memory is scarce: never more than one session. */
  readonly frugal: boolean;
}

export interface StepPool {
  /** The session for pictures of this item's bucket. */
  get(item: TrainingItem): Promise<TrainStep>;
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

export function openStepPool(source: PoolSource): StepPool {
  const { checkpoint, recipe, layers, tokens, session } = source;
  const { batch, recompute } = recipe;
  const base = holdBase(checkpoint, recipe.baseWeights);
  const open = new Map<string, TrainStep>();
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
      const shape = { batch, height, width, tokens, recompute };
      const step = await openTrainStep(base, layers, shape, session);
      open.set(key, step);
      return step;
    },
    async release() {
      for (const step of open.values()) await step.release();
    },
  };
}
