/** @file What one micro-step feeds its graph: noisy latents, targets, text states and weights of one batch. */

import type { TrainingItem } from '../dataset/index.ts';
import { joinChannels } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import type { Checkpoint, TextPartName, TokenizedText } from '../models/index.ts';
import { type DrawnItem, openDraws } from './batches.ts';
import type { CaptionText, CaptionTexts } from './captions.ts';
import { drawSample, type Objective, openObjective, type Sample } from './objective/objective.ts';
import type { Recipe } from './recipe/recipe.ts';
import type { StepBatch } from './train-step.ts';

export interface FeedSource {
  readonly checkpoint: Pick<Checkpoint, 'scheduler'>;
  readonly recipe: Recipe;
  readonly items: readonly TrainingItem[];
  readonly texts: CaptionTexts;
  /** What samples ask of the UNet; by checkpoint and recipe unless given. */
  readonly objective?: Objective;
}

/** Copies tensors [1, …] or rows into one with the batch in front. */
function stack(rows: readonly Float32Array[], shape: readonly number[]): Tensor {
  const data = new Float32Array(rows.length * rows[0].length);
  for (const [i, row] of rows.entries()) data.set(row, i * row.length);
  return { shape: [rows.length, ...shape], data };
}

/** SDXL's micro-conditioning: original size, crop corner, target size, each as height, width. */
function sizesOf({ item: { originalSize, bucket }, view: { crop } }: DrawnItem): Float32Array {
  const { height, width } = originalSize;
  return Float32Array.of(height, width, crop.top, crop.left, bucket.height, bucket.width);
}

/** SDXL's pooled text, unless the graph makes it itself, and its sizes. */
function addedFeeds(drawn: readonly DrawnItem[], texts: readonly CaptionText[]): Pick<StepBatch, 'added'> {
  const pooled = texts.flatMap(text => (text.pooled ? [text.pooled.data] : []));
  if (pooled.length === 0 && !texts[0].tokens?.has('text_encoder_2')) return {};
  const sizes = stack(drawn.map(sizesOf), [6]);
  return { added: pooled.length === 0 ? { sizes } : { pooled: stack(pooled, [pooled[0].length]), sizes } };
}

/** States of the captions for encoders that are not trained, tokens for those that are. */
function textFeeds(texts: readonly CaptionText[]): Pick<StepBatch, 'context' | 'texts'> {
  const contexts = texts.flatMap(({ context }) => context ?? []);
  const tokens = [...(texts[0].tokens?.keys() ?? [])].map(
    name => [name, texts.map(text => text.tokens?.get(name) as TokenizedText)] as const,
  );
  return {
    ...(contexts.length > 0
      ? {
          context: stack(
            contexts.map(({ data }) => data),
            contexts[0].shape.slice(1),
          ),
        }
      : {}),
    ...(tokens.length > 0 ? { texts: new Map<TextPartName, readonly TokenizedText[]>(tokens) } : {}),
  };
}

/** The UNet's first input: noisy latents [n, c, h, w], and what an inpainting UNet reads after them. */
function sampleFeed(noisy: readonly Float32Array[], drawn: readonly DrawnItem[]): Tensor {
  const latents = stack(noisy, drawn[0].view.latents.shape.slice(1));
  const maskings = drawn.flatMap(({ masking }) => masking ?? []);
  if (maskings.length === 0) return latents;
  const rows = maskings.map(({ data }) => data);
  return joinChannels(latents, stack(rows, maskings[0].shape.slice(1)));
}

/** Whether some form of some picture has a loss mask: then every sample is fed one. */
export function hasLossMasks(items: readonly TrainingItem[]): boolean {
  return items.some(({ views, mirroredViews = [] }) =>
    [...views, ...mirroredViews].some(({ lossMask }) => lossMask !== undefined),
  );
}

/** Loss masks [n, 1, h, w]: everything counts where a picture has none. */
function maskFeed(drawn: readonly DrawnItem[]): Tensor {
  const [, , height, width] = drawn[0].view.latents.shape;
  const whole = new Float32Array(height * width).fill(1);
  return stack(
    drawn.map(({ view }) => view.lossMask?.data ?? whole),
    [1, height, width],
  );
}

/** Where the losses of samples bend [n], for losses that do. */
function thresholdFeed(samples: readonly Sample[]): Pick<StepBatch, 'huberC'> {
  const thresholds = samples.flatMap(({ huberC }) => huberC ?? []);
  return thresholds.length === 0
    ? {}
    : { huberC: { shape: [thresholds.length], data: Float32Array.from(thresholds) } };
}

/** Opens a source of feeds: `indices` are the pictures of samples `first`, `first + 1`, … of step `step`. */
export function openFeeds(
  source: FeedSource,
): (indices: readonly number[], step: number, first: number) => Promise<StepBatch> {
  const { checkpoint, recipe, items, texts, objective = openObjective(checkpoint, recipe) } = source;
  const share = 1 / (recipe.batch * recipe.accumulate);
  const masked = hasLossMasks(items);
  const drawOne = openDraws(items, recipe);
  return async (indices, step, first) => {
    const drawn = indices.map((index, i) => drawOne(index, step, first + i));
    const samples = drawn.map(({ view }, i) => drawSample(view.latents, step, first + i, objective));
    const captions = await texts.get(drawn.map(({ caption }) => caption));
    const latentShape = drawn[0].view.latents.shape.slice(1);
    const count = indices.length;
    return {
      sample: sampleFeed(
        samples.map(({ noisy }) => noisy),
        drawn,
      ),
      timesteps: { shape: [count], data: Float32Array.from(samples, ({ timestep }) => timestep) },
      target: stack(
        samples.map(({ target }) => target),
        latentShape,
      ),
      weights: {
        shape: [count],
        data: Float32Array.from(samples, ({ weight }, i) => weight * drawn[i].weight * share),
      },
      ...(masked ? { mask: maskFeed(drawn) } : {}),
      ...thresholdFeed(samples),
      ...textFeeds(captions),
      ...addedFeeds(drawn, captions),
    };
  };
}
