/** @file All cross-checks of a recipe: what cannot be is refused at once with its reasons, what is unwise becomes advice. */
import { LoraError } from '../../errors.ts';
import type { Checkpoint } from '../../models/index.ts';
import { optimizerOptionsOf } from '../optimizers/options.ts';
import type { BaseFacts, Check } from './checks/check.ts';
import { dataChecks } from './checks/data-checks.ts';
import { objectiveChecks } from './checks/objective-checks.ts';
import { rateChecks } from './checks/rate-checks.ts';
import { savingChecks } from './checks/saving-checks.ts';
import { type SetFacts, setChecks } from './checks/set-checks.ts';
import { sizeChecks } from './checks/size-checks.ts';
import type { Problem } from './problems.ts';
import type { Recipe, RecipeField } from './schema.ts';

export const recipeChecks: readonly Check[] = [
  ...[...sizeChecks, ...rateChecks, ...objectiveChecks, ...dataChecks, ...savingChecks],
];

/** Something that can be done but is hardly what was meant; a warning of a run. */
export interface Advice {
  readonly code: 'RECIPE_ADVICE';
  readonly field: RecipeField;
  /** With the field's name. */
  readonly message: string;
}

const adviceOf = (field: RecipeField, why: string): Advice => ({
  code: 'RECIPE_ADVICE',
  field,
  message: `${field}: ${why}`,
});

/** What checks know of a checkpoint. */
export function baseFacts({ family, resolution, latentScale, scheduler }: Checkpoint): BaseFacts {
  const { predictionType, rescaleZeroTerminalSnr, trainSteps } = scheduler;
  return {
    family,
    resolution,
    latentScale,
    predictionType,
    zeroTerminalSnr: rescaleZeroTerminalSnr,
    trainSteps,
  };
}

/** Options that the optimizer does not know are told by its own table. */
function optimizerProblems({ optimizer, optimizerOptions }: Recipe): Problem[] {
  try {
    optimizerOptionsOf(optimizer, optimizerOptions);
    return [];
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    const [, field, message] = /^recipe field ([^:]*): (.*)$/s.exec(error.message) ?? [];
    return [
      {
        field: field ?? 'optimizerOptions',
        message: message ?? error.message,
        ...(error.hint ? { hint: error.hint } : {}),
      },
    ];
  }
}

/** What cannot be, and what is unwise, in a recipe for a base. */
export function reviewRecipe(recipe: Recipe, base: BaseFacts): { problems: Problem[]; advice: Advice[] } {
  const problems = optimizerProblems(recipe);
  const advice: Advice[] = [];
  // An option that is not known would be met again by the checks.
  if (problems.length > 0) return { problems, advice };
  for (const { field, level, why, code } of recipeChecks) {
    const reason = why(recipe, base, undefined);
    if (reason === undefined) continue;
    if (level === 'advice') advice.push(adviceOf(field, reason));
    else problems.push({ field, message: reason, ...(code ? { code } : {}) });
  }
  return { problems, advice };
}

/** What is unwise in a recipe for these pictures. */
export function adviseOnSet(recipe: Recipe, base: BaseFacts, facts: SetFacts): Advice[] {
  return setChecks.flatMap(({ field, why }) => {
    const reason = why(recipe, base, facts);
    return reason === undefined ? [] : [adviceOf(field, reason)];
  });
}

/** Fields that have no effect with the others as they are. */
export function idleFields(recipe: Recipe, base: BaseFacts): Map<RecipeField, string> {
  const found = recipeChecks.flatMap(({ field, isIdle, why }) => {
    const reason = isIdle ? why(recipe, base, undefined) : undefined;
    return reason === undefined ? [] : [[field, reason] as const];
  });
  return new Map(found);
}
