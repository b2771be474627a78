/** Training: from pictures and a recipe to a LoRA file, resumable at every step. */
export { buildTrainStep, openTrainStep, type StepShape } from './train-step.ts';
export { completeRecipe, type GivenRecipe, parseRecipe, type Recipe } from './recipe.ts';
export { fingerprintFiles, planRun, type Progress, train, type TrainRequest, type TrainResult } from './train.ts';
