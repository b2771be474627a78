/** Training: from pictures and a recipe to a LoRA file, resumable at every step. */

export { adamWUpdate, newMoments } from './adamw.ts';
export { recipeFrom, withBaseLoras } from './continue-from.ts';
export type { LoraCard } from './metadata/modelspec-entries.ts';
export { checkNothingReplaced, countParameters } from './outputs.ts';
export { planRun } from './plan-run.ts';
export { type BucketSurvey, scanPictures, surveyBuckets } from './prepare.ts';
export type { Override } from './recipe/network-fields.ts';
export { completeRecipe, type GivenRecipe, parseRecipe, type Recipe } from './recipe/recipe.ts';
export { buildTrainStep, isSmall, type Recompute, type StepShape } from './step-graph.ts';
export { holdBase, isExactBase } from './step-pool.ts';
export { type Progress, type TrainRequest, type TrainResult, train } from './train.ts';
export { openTrainStep } from './train-step.ts';
