/** @file What a cross-check is: a row that says of which field, how bad, and why, in a sentence. */
import type { Family } from '../../../models/index.ts';
import type { Recipe, RecipeField } from '../schema.ts';

/** What checks know of the base. */
export interface BaseFacts {
  readonly family: Family;
  /** Side of the pictures it was made for. */
  readonly resolution: number;
  readonly latentScale: number;
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly zeroTerminalSnr: boolean;
  readonly trainSteps: number;
}

/**
 * `error`: it cannot be done, or would do nothing, or is sure to spoil the run. `advice`: it can be done, and the reason says
 * why it is hardly what was meant.
 */
export interface Check<Facts = undefined> {
  readonly field: RecipeField;
  readonly level: 'error' | 'advice';
  /** The field has no effect with the others as they are; who copies settings from elsewhere may drop it. */
  readonly isIdle?: true;
  /** Its own code for errors; RECIPE_INVALID unless said. */
  readonly code?: string;
  /** The reason, where the check applies; undefined where all is well. */
  readonly why: (recipe: Recipe, base: BaseFacts, facts: Facts) => string | undefined;
}

/** A check of two states. */
export const when = (isBroken: boolean, why: string): string | undefined => (isBroken ? why : undefined);

/** A field that has no effect where `isIdle`, although it was set to something else than usual. */
export const idle = (
  field: RecipeField,
  isIdle: (recipe: Recipe, base: BaseFacts) => boolean,
  why: string,
): Check => ({
  ...{ field, level: 'error', isIdle: true },
  why: (recipe, base) => when(isIdle(recipe, base), `has no effect: ${why}`),
});
