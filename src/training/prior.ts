/**
 * @file Prior preservation without pictures of the class: the frozen base is the teacher. Beside every micro-step goes
 * another one on the same pictures with the class in the trigger's place, whose target is what the base predicts there
 * (as DreamBooth's prior preservation, Ruiz et al. 2023, with noisy training latents in the place of class pictures).
 */
import type { TrainingItem } from '../dataset/index.ts';
import type { Tensor } from '../engine/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { calmItem, fillBatch, openBatches } from './batches.ts';
import { type CaptionTexts, openCaptionTexts } from './captions.ts';
import { openFeeds } from './feeds.ts';
import type { PrepareOptions } from './prepare.ts';
import type { Recipe } from './recipe/recipe.ts';
import { isSmall } from './step-graph.ts';
import { openEvaluationPool, type PoolSource } from './step-pool.ts';
import type { StepBatch } from './train-step.ts';

type ClassFields = Pick<Recipe, 'trigger' | 'newWord' | 'priorClass'>;

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A caption with the class in the place of the trigger word (or of the new word); the class alone where it has neither. */
export function classCaption(caption: string, { trigger, newWord, priorClass }: ClassFields): string {
  const words = [trigger, newWord].flatMap(word => (word ? [escaped(word)] : []));
  if (priorClass === null || words.length === 0) return priorClass ?? caption;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
  const replaced = caption.replace(pattern, () => priorClass);
  return replaced === caption ? priorClass : replaced;
}

/** Captions of the class that a run's pictures give; they must be among the texts of the run. */
export function classCaptions(
  items: readonly TrainingItem[],
  recipe: ClassFields & Pick<Recipe, 'priorPreservation'>,
): string[] {
  if (recipe.priorPreservation === 0) return [];
  return [...new Set(items.map(item => classCaption(calmItem(item).caption, recipe)))];
}

export interface PriorInput extends Omit<PoolSource, 'layers' | 'tokens'> {
  /** The base as it was opened, without a new word. */
  readonly teacher: Checkpoint;
  /** Of the run: what trained encoders make of the class is taught too. */
  readonly texts: CaptionTexts;
}

export interface Prior {
  /** What is fed beside micro-step `index` (counted over the run), which belongs to step `step`. */
  feeds(index: number): Promise<StepBatch>;
  release(): Promise<void>;
}

/** Micro-steps that the teacher looks ahead where its session cannot stay open beside the one that trains. */
const lookAhead = 32;

/** Opens the teacher of a run. Draws differ from those of the training samples: their numbers come after them. */
export async function openPrior(input: PriorInput, prepare: PrepareOptions): Promise<Prior> {
  const { recipe, items, teacher, texts, frugal } = input;
  const { batch, accumulate, priorPreservation, seed } = recipe;
  const ofClass = items.map(calmItem).map(item => ({ ...item, caption: classCaption(item.caption, recipe) }));
  const calm = { ...recipe, captionDropout: 0 };
  const feedsOf = openFeeds({ ...input, recipe: calm, items: ofClass, texts });
  const teacherTexts = await openCaptionTexts(
    ofClass.map(({ caption }) => caption),
    { ...prepare, checkpoint: teacher },
  );
  const teacherFeeds = openFeeds({ ...input, recipe: calm, items: ofClass, texts: teacherTexts });
  const pool = openEvaluationPool(
    { ...input, checkpoint: teacher, layers: [], tokens: teacherTexts.tokens },
    { prediction: true },
  );
  const batchOf = openBatches(items, batch, seed);
  const placeOf = (index: number) => ({
    indices: fillBatch(batchOf(index), batch),
    step: Math.floor(index / accumulate),
    first: (accumulate + (index % accumulate)) * batch,
  });
  const staysOpen = isSmall(teacher) && !frugal;
  const targets = new Map<number, Tensor>();
  const predict = async (index: number): Promise<void> => {
    const { indices, step, first } = placeOf(index);
    const evaluation = await pool.get(items[indices[0]]);
    const { prediction } = await evaluation.run(await teacherFeeds(indices, step, first), new Map());
    targets.set(index, prediction as Tensor);
  };
  const lookFrom = async (index: number): Promise<void> => {
    targets.clear();
    const end = Math.min(index + (staysOpen ? 1 : lookAhead), recipe.steps * accumulate);
    for (let i = index; i < end; i++) await predict(i);
    if (!staysOpen) await pool.release();
  };
  return {
    async feeds(index) {
      if (!targets.has(index)) await lookFrom(index);
      const { indices, step, first } = placeOf(index);
      const fed = await feedsOf(indices, step, first);
      const { shape, data } = fed.weights;
      return {
        ...fed,
        target: targets.get(index) as Tensor,
        weights: { shape, data: data.map(weight => weight * priorPreservation) },
        // A mask is for the subject; what the class looks like counts everywhere.
        ...(fed.mask ? { mask: { shape: fed.mask.shape, data: fed.mask.data.map(() => 1) } } : {}),
      };
    },
    async release() {
      await pool.release();
      await teacherTexts.release();
    },
  };
}
