/**
 * @file The loss on held-out pictures: the same timesteps and noises at every look, spread evenly over the range, with
 * whole captions in their order and plain noise, so that two looks differ by what was learnt and by nothing else.
 */
import type { TrainingItem } from '../../dataset/index.ts';
import { randomStream, type Tensor } from '../../engine/index.ts';
import { LoraError } from '../../errors.ts';
import { calmItem, fillBatch } from '../batches.ts';
import { type FeedSource, openFeeds } from '../feeds.ts';
import { openObjective } from '../objective/objective.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { StepPool } from '../step-pool.ts';
import type { EvaluationStep } from '../train-step.ts';
import type { Look } from './look.ts';
import { meanInterval, meanOf } from './statistics.ts';

/** No run has so many steps: its random numbers are not those of any sample that is trained on. */
export const validationStep = 2 ** 40;

/** What is fed is as it is: nothing dropped, shuffled, offset or perturbed. */
export function calmRecipe(recipe: Recipe): Recipe {
  return {
    ...recipe,
    ...{ captionDropout: 0, captionDropoutEvery: 0, shuffleTags: false, tagDropout: 0, tokenWarmupSteps: 0 },
    ...{ noiseOffset: 0, adaptiveNoiseScale: 0, multiresIterations: 0, inputPerturbation: 0 },
  };
}

/**
 * The timestep of draw `draw` of a picture: the range is cut into as many equal parts as there are draws, and each has
 * a random place in one, which differs from picture to picture. Whatever timesteps a recipe trains on most, pictures are
 * made through all of them, so all count the same here but for the weights of the loss.
 */
export function openFixedTimesteps(
  { seed, validationDraws: draws, minTimestep, maxTimestep }: Recipe,
  trainSteps: number,
): (sample: number) => number {
  const range = (maxTimestep ?? trainSteps) - minTimestep;
  return sample => {
    const place = randomStream(seed, 'validation timestep', validationStep, sample).uniform();
    return minTimestep + Math.min(range - 1, Math.floor((((sample % draws) + place) / draws) * range));
  };
}

/** The form in which a picture is looked at: the first, not mirrored. */
function plainForm({ mirroredViews: _, ...item }: TrainingItem): TrainingItem {
  return { ...calmItem(item), views: [item.views[0]] };
}

/** Indices of the pictures of each bucket. */
function byBucket(items: readonly TrainingItem[]): number[][] {
  const buckets = new Map<string, number[]>();
  for (const [index, { bucket }] of items.entries()) {
    const key = `${bucket.width}x${bucket.height}`;
    buckets.set(key, [...(buckets.get(key) ?? []), index]);
  }
  return [...buckets.values()];
}

/** Losses of the draws of each picture, weighed as the run does and plain. */
export interface Measured {
  readonly weighed: readonly (readonly number[])[];
  readonly plain: readonly (readonly number[])[];
}

export type MeasureSource = Pick<FeedSource, 'checkpoint' | 'recipe' | 'items' | 'texts'>;

/** Opens the measurement of held-out pictures; `parameters` are those of every layer, trained and frozen. */
export function openMeasure(
  source: MeasureSource,
): (pool: StepPool<EvaluationStep>, parameters: ReadonlyMap<string, Tensor>) => Promise<Measured> {
  const recipe = calmRecipe(source.recipe);
  const items = source.items.map(plainForm);
  const { validationDraws: draws, batch, accumulate } = recipe;
  const objective = openObjective(source.checkpoint, recipe);
  const fixed = openFixedTimesteps(recipe, objective.schedule.alphasCumprod.length);
  const order = byBucket(items).flatMap(bucket => bucket.flatMap(index => Array<number>(draws).fill(index)));
  const timestepOf = (_: number, sample: number): number => fixed(sample);
  const feedsOf = openFeeds({ ...source, recipe, items, objective: { ...objective, timestepOf } });
  return async (pool, parameters) => {
    const weighed: number[][] = items.map(() => []);
    const plain: number[][] = items.map(() => []);
    for (let first = 0; first < order.length; ) {
      const { width, height } = items[order[first]].bucket;
      const isAlike = (index: number): boolean =>
        items[index].bucket.width === width && items[index].bucket.height === height;
      const indices = order.slice(first, first + batch).filter(isAlike);
      const step = await pool.get(items[indices[0]]);
      const feeds = await feedsOf(fillBatch(indices, batch), validationStep, first);
      const { losses } = await step.run(feeds, parameters);
      for (const [i, index] of indices.entries()) {
        plain[index].push(losses.data[i]);
        // The feeds hold each weight as its part of a step.
        weighed[index].push(losses.data[i] * feeds.weights.data[i] * batch * accumulate);
      }
      first += indices.length;
    }
    return { weighed, plain };
  };
}

/** What a measurement says at `step`. Throws VALIDATION_NOT_FINITE naming the picture. */
export function lookOf(
  { weighed, plain }: Measured,
  step: number,
  items: readonly Pick<TrainingItem, 'path'>[],
): Look {
  const pictures = weighed.map(meanOf);
  const broken = pictures.findIndex(loss => !Number.isFinite(loss));
  if (broken >= 0) {
    const message = `after step ${step} the loss of the held-out picture ${items[broken].path} is ${pictures[broken]}`;
    const hint = 'Lower the learning rate. The best state before it is kept.';
    throw new LoraError('VALIDATION_NOT_FINITE', message, { hint });
  }
  // The pictures are the sample that chance chose, not the draws; of one picture only draws tell anything.
  const spread = pictures.length > 1 ? pictures : weighed[0].length > 1 ? weighed[0] : undefined;
  const loss = meanOf(pictures);
  const { low, high } = spread ? meanInterval(spread) : { low: loss, high: loss };
  return { step, loss, low, high, plainLoss: meanOf(plain.map(meanOf)), pictures };
}
