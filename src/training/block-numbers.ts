/** @file What a recipe's lists say of every block: its rate, rank and alpha. */
import type { Family } from '../models/index.ts';
import { type BlockListRule, parseBlockList } from './block-lists.ts';
import type { Recipe } from './recipe/recipe.ts';

/** By kohya's index; empty where the recipe has no such list. */
export interface BlockNumbers {
  readonly rates: readonly (number | undefined)[];
  readonly ranks: readonly (number | undefined)[];
  readonly alphas: readonly (number | undefined)[];
}

type Field = 'blockRates' | 'blockRanks' | 'blockAlphas';

const rules: Readonly<Record<Field, BlockListRule>> = {
  blockRates: {
    field: 'blockRates',
    allowCurves: true,
    isAllowed: x => x >= 0,
    what: 'a factor of at least 0',
  },
  blockRanks: {
    field: 'blockRanks',
    isAllowed: x => Number.isInteger(x) && x >= 0,
    what: 'a whole number of at least 0',
  },
  blockAlphas: { field: 'blockAlphas', isAllowed: x => x > 0, what: 'a number above 0' },
};

/** Throws RECIPE_INVALID for a list that does not fit the model. */
export function blockNumbers(recipe: Pick<Recipe, Field>, family: Family): BlockNumbers {
  const read = (field: Field): (number | undefined)[] => {
    const list = recipe[field];
    return list === null ? [] : parseBlockList(list, family, rules[field]);
  };
  return { rates: read('blockRates'), ranks: read('blockRanks'), alphas: read('blockAlphas') };
}
