/** @file Where each value of a recipe comes from: sources over one another, and in words. */
import type { Family } from '../../models/index.ts';
import { familyDefaults, followingFields } from './defaults.ts';
import { type GoalChoice, type GoalName, goalFields } from './goals.ts';
import type { RecipeFile } from './read-recipe.ts';
import { type GivenRecipe, type RecipeField, recipeFields } from './schema.ts';

export type Origin =
  | { readonly from: 'default' | 'checkpoint' }
  | { readonly from: 'family'; readonly family: Family }
  | { readonly from: 'computed'; readonly how: string }
  | { readonly from: 'goal'; readonly goal: GoalName; readonly why: string }
  /** `recipe.toml line 7` */
  | { readonly from: 'file'; readonly place: string }
  /** An argument of sd-scripts; `isSilent` where it was not given and its default counts. */
  | { readonly from: 'kohya'; readonly argument: string; readonly isSilent: boolean }
  | { readonly from: 'flag'; readonly flag: string }
  /** The LoRA that a run goes on from. */
  | { readonly from: 'lora'; readonly path: string };

export type Origins = ReadonlyMap<RecipeField, Origin>;

/** Fields that somebody gave, with where. */
export interface RecipeSource {
  readonly given: GivenRecipe;
  readonly originOf: (field: RecipeField) => Origin;
}

export const fileSource = ({ given, path, place }: RecipeFile): RecipeSource => ({
  given,
  originOf: field => ({ from: 'file', place: place(field) ?? path }),
});

export function goalSource(goal: GoalName, choices: readonly GoalChoice[]): RecipeSource {
  const reasons = new Map(choices.map(({ field, why }) => [field, why]));
  return {
    given: goalFields(choices),
    originOf: field => ({ from: 'goal', goal, why: reasons.get(field) ?? '' }),
  };
}

export const computedSource = (given: GivenRecipe, how: string): RecipeSource => ({
  given,
  originOf: () => ({ from: 'computed', how }),
});

/** Later sources win; exceptions for layers add up, since the later ones of them win anyway. */
export function mergeSources(sources: readonly RecipeSource[]): {
  given: GivenRecipe;
  origins: Map<RecipeField, Origin>;
} {
  const given: Record<string, unknown> = {};
  const origins = new Map<RecipeField, Origin>();
  for (const { given: own, originOf } of sources) {
    for (const [name, value] of Object.entries(own)) {
      if (value === undefined) continue;
      const field = name as RecipeField;
      const before = given[field];
      const adds = field === 'overrides' && Array.isArray(before) && Array.isArray(value);
      given[field] = adds ? [...before, ...value] : value;
      origins.set(field, originOf(field));
    }
  }
  return { given, origins };
}

/** What a LoRA that is gone on from decides, so that nothing else may. */
export const decidedByLora: ReadonlySet<RecipeField> = new Set([
  ...([
    'kind',
    'rank',
    'alpha',
    'convRank',
    'convAlpha',
    'textRank',
    'textAlpha',
    'targets',
    'textTargets',
  ] as const),
  ...(['blockRanks', 'blockAlphas', 'overrides', 'rsLora', 'dora', 'tucker', 'init'] as const),
  ...(['factor', 'decomposeBoth', 'fullMatrix', 'textLearningRate'] as const),
]);

/** Where all fields of a completed recipe come from; `origins` are those of what was given. */
export function allOrigins(given: GivenRecipe, origins: Origins, family: Family): Map<RecipeField, Origin> {
  const following = new Map(followingFields(given, family).map(({ field, how }) => [field, how]));
  const originOf = (field: RecipeField): Origin => {
    const own = origins.get(field);
    if (own) return own;
    const how = following.get(field);
    if (how !== undefined) return { from: 'computed', how };
    if (field === 'resolution' || field === 'predictionType' || field === 'zeroTerminalSnr')
      return { from: 'checkpoint' };
    return Object.hasOwn(familyDefaults[family], field) ? { from: 'family', family } : { from: 'default' };
  };
  return new Map(recipeFields.map(field => [field, originOf(field)]));
}

/** An origin in words. */
export function originWords(origin: Origin): string {
  switch (origin.from) {
    case 'default':
      return 'default';
    case 'checkpoint':
      return 'from the base';
    case 'family':
      return `default of ${origin.family}`;
    case 'computed':
      return origin.how;
    case 'goal':
      return `goal ${origin.goal}: ${origin.why}`;
    case 'file':
      return origin.place;
    case 'kohya':
      return origin.isSilent ? `sd-scripts’ default of ${origin.argument}` : `sd-scripts’ ${origin.argument}`;
    case 'flag':
      return origin.flag;
    case 'lora':
      return `from ${origin.path}`;
  }
}
