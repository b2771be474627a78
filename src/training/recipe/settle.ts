/** @file From everything that was said to one recipe: kohya's settings, a file, flags, and what a goal decides of the rest. */
import type { BaseFacts } from './checks/check.ts';
import { followingFields } from './defaults.ts';
import { type GoalFacts, goalChoices } from './goals.ts';
import {
  allOrigins,
  computedSource,
  goalSource,
  mergeSources,
  type Origin,
  type RecipeSource,
} from './origins.ts';
import type { Intent } from './read-recipe.ts';
import { completeRecipe } from './recipe.ts';
import type { GivenRecipe, Recipe, RecipeField } from './schema.ts';

/** Somebody's fields, and what they want besides. */
export interface Said extends RecipeSource {
  readonly intent: Intent;
  /** The same once the number of steps is known, where settings are shares of it. */
  readonly withSteps?: (steps: number) => RecipeSource;
}

/** What a goal and a number of epochs need to know of the pictures. */
export interface PictureSurvey extends Pick<GoalFacts, 'pictures' | 'different' | 'hasRepeats'> {
  /** Micro-steps that show every picture as often as it repeats. */
  readonly batchesPerEpoch: (recipe: Recipe) => Promise<number>;
}

export interface Settled {
  readonly recipe: Recipe;
  /** Everything that was given or chosen; what a run is started with. */
  readonly given: GivenRecipe;
  readonly origins: ReadonlyMap<RecipeField, Origin>;
}

/** Whoever speaks last of steps or epochs decides. */
function epochsOf(said: readonly Said[]): number | undefined {
  const last = said.findLast(({ given, intent }) => given.steps !== undefined || intent.epochs !== undefined);
  return last?.given.steps === undefined ? last?.intent.epochs : undefined;
}

const withoutSteps = (source: RecipeSource): RecipeSource => {
  const { steps: _steps, ...given } = source.given;
  return { ...source, given };
};

/** What the goal decides beside `given`, but for what follows from it anyway. */
function goalFor(
  said: readonly Said[],
  given: GivenRecipe,
  base: BaseFacts,
  survey: PictureSurvey,
): RecipeSource[] {
  const goal = said.findLast(({ intent }) => intent.goal !== undefined)?.intent.goal;
  if (goal === undefined) return [];
  const following = new Set(
    followingFields({ ...given, rank: undefined }, base.family).map(({ field }) => field),
  );
  const choices = goalChoices(goal, { ...base, ...survey, given });
  return [
    goalSource(
      goal,
      choices.filter(({ field }) => !following.has(field)),
    ),
  ];
}

/**
 * The recipe of a run: later ones of `said` win, then the goal, then defaults. `survey` is asked only where a goal or epochs
 * need it. Throws RECIPE_INVALID.
 */
export async function settleRecipe(
  said: readonly Said[],
  base: BaseFacts,
  survey: (recipe: Recipe, hasGoal: boolean) => Promise<PictureSurvey>,
): Promise<Settled> {
  const complete = (given: GivenRecipe): Recipe => completeRecipe(given, base.family, base.resolution);
  const epochs = epochsOf(said);
  const own: readonly RecipeSource[] = epochs === undefined ? said : said.map(withoutSteps);
  const merged = mergeSources(own);
  const hasGoal = said.some(({ intent }) => intent.goal !== undefined);
  if (epochs === undefined && !hasGoal) return finish(own, complete, base);
  const pictures = await survey(complete(merged.given), hasGoal);
  const goal = goalFor(said, merged.given, base, pictures);
  if (epochs === undefined) return finish([...goal, ...own], complete, base);
  const recipe = complete(mergeSources([...goal, ...own]).given);
  const perEpoch = Math.ceil((await pictures.batchesPerEpoch(recipe)) / recipe.accumulate);
  const steps = epochs * perEpoch;
  const counted = computedSource(
    { steps },
    `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ${perEpoch} ${perEpoch === 1 ? 'step' : 'steps'}`,
  );
  const known = said.map(one => withoutSteps(one.withSteps?.(steps) ?? one));
  const then = goalFor(said, { ...merged.given, steps }, base, pictures);
  return finish([...then, ...known, counted], complete, base);
}

function finish(
  sources: readonly RecipeSource[],
  complete: (given: GivenRecipe) => Recipe,
  base: BaseFacts,
): Settled {
  const { given, origins } = mergeSources(sources);
  const recipe = complete(given);
  return { recipe, given, origins: allOrigins(given, origins, base.family) };
}
