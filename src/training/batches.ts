/** @file Which pictures a step sees: endless epochs cut into steps, with the captions and flips drawn for them. */

import {
  calmCaption,
  captionChances,
  drawCaption,
  fixedCaption,
  longestCaption,
  type PictureView,
  plainRules,
  planEpoch,
  type TrainingItem,
} from '../dataset/index.ts';
import { randomStream, type Tensor } from '../engine/index.ts';
import { type ClipTokenizer, encoderUses, type TextSource } from '../models/index.ts';
import type { Recipe } from './recipe/recipe.ts';

/** More than are ever read: the longest of several texts is looked for. */
const mostChunksCounted = 100;

type EpochItem = Pick<TrainingItem, 'bucket' | 'repeats'>;

/** Every epoch has as many batches: buckets do not mix, and the last batch of each may be short. */
export function batchesPerEpoch(items: readonly EpochItem[], batch: number): number {
  return planEpoch({ items, batch, seed: 0, epoch: 0 }).length;
}

/** The batch of micro-step `index` (0-based) as item indices, the same whenever it is asked for. */
export function openBatches(
  items: readonly EpochItem[],
  batch: number,
  seed: number,
): (index: number) => number[] {
  const length = batchesPerEpoch(items, batch);
  let current = { epoch: -1, plan: [] as number[][] };
  return index => {
    const epoch = Math.floor(index / length);
    if (epoch !== current.epoch) current = { epoch, plan: planEpoch({ items, batch, seed, epoch }) };
    return current.plan[index % length];
  };
}

/**
 * Fills a short batch up to `batch` with its own pictures again. They are drawn with other noise, so the step costs
 * the same as a whole one and is worth as much.
 */
export function fillBatch(indices: readonly number[], batch: number): number[] {
  return Array.from({ length: batch }, (_, i) => indices[i % indices.length]);
}

export interface DrawnItem {
  readonly item: TrainingItem;
  readonly view: PictureView;
  /** For inpainting models: mask and latents of the masked picture. */
  readonly masking: Tensor | undefined;
  /** Empty when caption dropout struck. */
  readonly caption: string;
  /** Factor of its loss. */
  readonly weight: number;
}

/** What draws need of a recipe. */
export type DrawOptions = Pick<Recipe, 'seed' | 'captionDropout' | 'regularisationWeight' | 'steps'>;

/**
 * Picks the form of the picture (mirrored or not), one of their masks and the caption of sample `sample` of step `step`,
 * which is in epoch `epoch` (all from 0).
 */
export function drawItem(
  item: TrainingItem,
  {
    seed,
    captionDropout,
    regularisationWeight = 1,
    steps = 1,
  }: Pick<DrawOptions, 'seed' | 'captionDropout'> & Partial<DrawOptions>,
  step: number,
  sample: number,
  epoch = 0,
): DrawnItem {
  const { views, mirroredViews, rules = { ...plainRules, captionDropout } } = item;
  const mirrored = mirroredViews && randomStream(seed, 'flip', step, sample).uniform() < 0.5;
  const forms = mirrored ? mirroredViews : views;
  const view =
    forms.length === 1 ? forms[0] : forms[randomStream(seed, 'view', step, sample).integer(forms.length)];
  const { maskings } = view;
  const chances = captionChances(seed, step, sample);
  return {
    item,
    view,
    masking: maskings?.[randomStream(seed, 'mask', step, sample).integer(maskings.length)],
    caption: drawCaption(item.caption, rules, { step, steps, epoch }, chances),
    weight: rules.isRegularisation ? regularisationWeight : 1,
  };
}

/** A picture whose caption is read the same each time: nothing of it dropped or shuffled, and the first of its wildcards. */
export function calmItem(item: TrainingItem): TrainingItem {
  const { caption, rules = plainRules } = item;
  const { isRegularisation, flip } = rules;
  return { ...item, caption: calmCaption(caption, rules), rules: { ...plainRules, isRegularisation, flip } };
}

/** Opens the draws of a run: what sample `sample` of step `step` gets of picture `index`. */
export function openDraws(
  items: readonly TrainingItem[],
  recipe: DrawOptions & Pick<Recipe, 'batch' | 'accumulate'>,
): (index: number, step: number, sample: number) => DrawnItem {
  const { batch, accumulate } = recipe;
  const length = batchesPerEpoch(items, batch);
  return (index, step, sample) => {
    const microStep = step * accumulate + Math.floor(sample / batch);
    return drawItem(items[index], recipe, step, sample, Math.floor(microStep / length));
  };
}

export interface CaptionsToRead {
  /** Texts that steps see as they are. */
  readonly captions: readonly string[];
  /** For captions that are drawn anew in every step: texts as long as anything that is drawn. */
  readonly longest: readonly string[];
}

/** Without start, end and what fills up chunks, which is not the end token everywhere. */
function countTokens({ encode, endId, maxTokens }: ClipTokenizer, text: string): number {
  const { ids } = encode(text, mostChunksCounted);
  let count = 0;
  for (let start = 0; start < ids.length; start += maxTokens) count += ids.indexOf(endId, start) - start - 1;
  return count;
}

/** What is known of the texts of a run before its first step. */
export function captionsOf(items: readonly TrainingItem[], source: TextSource): CaptionsToRead {
  const tokenizers = encoderUses(source).map(({ part }) => part.tokenizer);
  const count = (text: string): number =>
    Math.max(...tokenizers.map(tokenizer => countTokens(tokenizer, text)));
  const captions = new Set<string>();
  const longest = new Set<string>();
  for (const { caption, rules = plainRules } of items) {
    const fixed = fixedCaption(caption, rules);
    if (fixed === undefined) longest.add(longestCaption(caption, rules, count));
    else captions.add(fixed);
  }
  return { captions: [...captions], longest: [...longest] };
}
