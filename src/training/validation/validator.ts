/** @file Looks at the held-out pictures during a run: when, with which session, and what follows from it. */
import type { TrainingItem } from '../../dataset/index.ts';
import type { SessionOptions, Tensor } from '../../engine/index.ts';
import type { TrainedLayer } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import type { CaptionTexts } from '../captions.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { isSmall } from '../step-graph.ts';
import { openEvaluationPool } from '../step-pool.ts';
import type { Look } from './look.ts';
import { lookOf, openMeasure } from './measure.ts';

export interface ValidatorSource {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  /** The held-out pictures, encoded; their first forms are measured. */
  readonly items: readonly TrainingItem[];
  /** Of the run: the captions of the held-out pictures must be among them, or are read at the first look. */
  readonly texts: CaptionTexts;
  /** Micro-steps that show every trained picture as often as it repeats. */
  readonly batchesPerEpoch: number;
  readonly session: SessionOptions;
  /** Memory is scarce: the session is closed after every look. */
  readonly frugal: boolean;
}

export interface Validator {
  /** Whether a look is due when `step` steps are finished, and none at it is among `looks`. */
  isDue(step: number, looks?: readonly Pick<Look, 'step'>[]): boolean;
  /** Measures what would be written at this step: EMA or evaluated weights where there are some, and what is frozen. */
  look(
    parameters: ReadonlyMap<string, Tensor>,
    frozen: ReadonlyMap<string, Tensor>,
    step: number,
  ): Promise<Look>;
  release(): Promise<void>;
}

/** Without a number of the recipe's own: once an epoch, but between so many and so many looks in a run. */
const usualLooks = { fewest: 10, most: 40 } as const;

type Timing = Pick<Recipe, 'validateEvery' | 'steps' | 'accumulate'>;

/** Steps between looks. */
export function stepsBetweenLooks(
  { validateEvery, steps, accumulate }: Timing,
  batchesPerEpoch: number,
): number {
  if (validateEvery > 0) return validateEvery;
  const epoch = Math.ceil(batchesPerEpoch / accumulate);
  const [fewest, most] = [Math.ceil(steps / usualLooks.most), Math.floor(steps / usualLooks.fewest)];
  return Math.max(1, Math.min(most, Math.max(fewest, epoch)));
}

/** Before the first step, at every so many, and after the last one. */
export const isLookStep = (step: number, every: number, steps: number): boolean =>
  step % every === 0 || step === steps;

export interface ValidationCost {
  readonly looks: number;
  /** Pictures through the UNet, forward only, in one look. */
  readonly passesPerLook: number;
  /** Of the run's own work, where a forward pass is a third of one that trains. */
  readonly share: number;
}

/** What validation adds to a run, before it starts. */
export function validationCost(
  recipe: Pick<Recipe, 'validateEvery' | 'steps' | 'accumulate' | 'batch' | 'validationDraws'>,
  batchesPerEpoch: number,
  heldOut: number,
): ValidationCost {
  const looks = Math.ceil(recipe.steps / stepsBetweenLooks(recipe, batchesPerEpoch)) + 1;
  const passesPerLook = heldOut * recipe.validationDraws;
  const trained = recipe.steps * recipe.batch * recipe.accumulate;
  return { looks, passesPerLook, share: (looks * passesPerLook) / 3 / trained };
}

/** Opens validation of a run. Sessions are opened at the first look; a large model's closes after each. */
export function openValidator(source: ValidatorSource): Validator {
  const { recipe, items, texts, checkpoint, frugal, batchesPerEpoch } = source;
  const every = stepsBetweenLooks(recipe, batchesPerEpoch);
  const measure = openMeasure(source);
  const pool = openEvaluationPool({ ...source, tokens: texts.tokens });
  const staysOpen = isSmall(checkpoint) && !frugal;
  return {
    isDue: (step, looks = []) =>
      isLookStep(step, every, recipe.steps) && !looks.some(look => look.step === step),
    async look(parameters, frozen, step) {
      const measured = await measure(pool, new Map([...parameters, ...frozen]));
      if (!staysOpen) await pool.release();
      return lookOf(measured, step, items);
    },
    release: () => pool.release(),
  };
}
