/** Training: from pictures and a recipe to a LoRA file, resumable at every step. */

export type { Examined } from './after/examine.ts';
export { mostChunks as mostCaptionChunks } from './captions.ts';
export { recipeFrom, withBaseLoras } from './continue-from.ts';
export { type DataSources, readDataSources } from './data-sources.ts';
export type { OpenDrawing } from './examine-run.ts';
export { findRuns, type LonelyState } from './journal/find-runs.ts';
export {
  type FinishedRun,
  type Journal,
  type JournalOptions,
  type JournalStep,
  type JournalValidation,
  openJournal,
} from './journal/journal.ts';
export { type GivenManifest, manifestOf, type RunManifest, type RunStatus } from './journal/manifest.ts';
export { parsePreviewName, runFiles, runFolderOf } from './journal/places.ts';
export { type KeptRun, readRun } from './journal/read-run.ts';
export { isStepRow, parseRow, type StepRow, type ValidationRow } from './journal/rows.ts';
export type { LoraCard } from './metadata/modelspec-entries.ts';
export { baseOf } from './open-run.ts';
export { adamWUpdate, newMoments } from './optimizers/adamw.ts';
export { optimizerNames } from './optimizers/options.ts';
export { secondsOfUpdate } from './optimizers/time.ts';
export { checkNothingReplaced, countParameters, rememberedBytes } from './outputs.ts';
export { adviseOnScan, type PlannedRun, planRun } from './plan-run.ts';
export { type BucketSurvey, bucketRule, scanPictures, surveyBuckets } from './prepare.ts';
export { isPreviewDue } from './previews/due.ts';
export {
  type DrawPreview,
  type DrawSheet,
  openPreviews,
  type PreviewOptions,
  type PreviewSheet,
  type Previews,
} from './previews/previews.ts';
export { type PromptFile, readPromptFile } from './previews/prompt-file.ts';
export { type PreviewPrompt, parsePromptLine, writePromptLine } from './previews/prompt-line.ts';
export { type PreviewRequest, previewRequests } from './previews/requests.ts';
export { type Advice, baseFacts } from './recipe/check-recipe.ts';
export { type Explained, explainRecipe, explanationText } from './recipe/explain.ts';
export { type GoalName, goalNames, goalTexts } from './recipe/goals.ts';
export { fieldGroups, fieldText } from './recipe/groups.ts';
export { importKohya, type KohyaImport, type KohyaSource, type LeftOut } from './recipe/kohya/import.ts';
export type { Override } from './recipe/network-fields.ts';
export { decidedByLora, fileSource, type Origin, type RecipeSource } from './recipe/origins.ts';
export { type Intent, parseRecipeValues, type RecipeFile, readRecipeFile } from './recipe/read-recipe.ts';
export { completeRecipe, type GivenRecipe, parseRecipe, type Recipe } from './recipe/recipe.ts';
export { type RecipeField, recipeFields, recipeSchema } from './recipe/schema.ts';
export { type Said, type Settled, settleRecipe } from './recipe/settle.ts';
export { surveyPictures } from './recipe/survey.ts';
export { recipeToml } from './recipe/write-recipe.ts';
export { runStatePath } from './run-state.ts';
export { scheduleNames } from './schedules.ts';
export { hasRunState } from './state/generations.ts';
export { buildTrainStep, isSmall, type Recompute, type StepShape } from './step-graph.ts';
export { holdBase, isExactBase } from './step-pool.ts';
export { type Progress, type TrainRequest, type TrainResult, train } from './train.ts';
export { openTrainStep } from './train-step.ts';
