/** @file The recipe: everything that decides a training run, validated, with defaults by family. */
import type { Family } from '../../models/index.ts';
import { defaultsFor, usualFields } from './defaults.ts';
import { problemsFrom, recipeError } from './problems.ts';
import { type GivenRecipe, type Recipe, recipeSchema } from './schema.ts';

export { usualFields } from './defaults.ts';
export { parseRecipe } from './read-recipe.ts';
export type { GivenRecipe, Recipe } from './schema.ts';

/** The fields that are not as usual: what a recipe without them would not have. */
export function unusualFields(recipe: Recipe): Partial<Recipe> {
  const isUnusual = (name: keyof typeof usualFields): boolean =>
    JSON.stringify(recipe[name]) !== JSON.stringify(usualFields[name]);
  const names = (Object.keys(usualFields) as (keyof typeof usualFields)[]).filter(isUnusual);
  return Object.fromEntries(names.map(name => [name, recipe[name]]));
}

/**
 * Completes what was given with defaults, and checks every field. Throws RECIPE_INVALID naming each field that is wrong,
 * its value and what is allowed.
 */
export function completeRecipe(given: GivenRecipe, family: Family, resolution: number): Recipe {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const whole = { ...defaultsFor(given, family, resolution), ...known };
  const result = recipeSchema.safeParse(whole);
  if (result.success) return result.data;
  throw recipeError(problemsFrom(result.error, whole));
}
