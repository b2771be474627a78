/** The heart: kinds of LoRA, attached to a model's layers or merged into its weights, and their files. */
export { type Attachment, attach, type Slot, slotShapes } from './attach/attach.ts';
export { attachTrained, type TrainedAttachment } from './attach/attach-trained.ts';
export { checkClashes, checkRank } from './attach/check-layer.ts';
export {
  type AppliedModule,
  type AttachedModules,
  attachModules,
  type BaseParts,
  branchesBySample,
  changedParameters,
  lowRankBranches,
  mergeModules,
} from './attach/combine.ts';
export { drawMask, type MaskInput, type MaskKey } from './attach/dropout.ts';
export { frozenParameters, frozenTensors } from './attach/frozen.ts';
export { type BaseWeights, initialParameters } from './attach/initial.ts';
export { limitNorms } from './attach/max-norm.ts';
export { type ChooseOptions, chooseTargets } from './attach/targets/choose.ts';
export { targetPresets, textPresets } from './attach/targets/presets.ts';
export { rateFactorOf, type TrainedRole, trainedTensors } from './attach/trainable-kinds.ts';
export {
  type InitName,
  plainLora,
  type TrainableKind,
  type TrainedLayer,
  type TrainingOptions,
  usualOptions,
} from './attach/trained-layer.ts';
export { parametersOf, trainedModule } from './attach/trained-module.ts';
export { type LoraBase, loraBase } from './file/base.ts';
export type { WrittenDialect } from './file/dialect-tensors.ts';
export type { LoraEntry } from './file/entry.ts';
export type { Skipped } from './file/group.ts';
export { type LoraFile, type OpenLoraOptions, openLoraFile } from './file/open.ts';
export { type ReadOptions, readLora } from './file/read.ts';
export { dialectName, kindName, type LoadReport } from './file/report.ts';
export { isLoraFolder, mainFile } from './file/sources.ts';
export { type LoraFileOptions, serializeLora, type WrittenFile, writeLora } from './file/write.ts';
export { baseWeights } from './inspect/base.ts';
export type { BlockFacts, Finding, LoraFacts } from './inspect/facts.ts';
export { type Inspected, type InspectOptions, inspectLora } from './inspect/inspect.ts';
export { type ModuleFacts, measureModule } from './inspect/measure.ts';
export type { EnergyShare, Spectrum, SpectrumSummary } from './inspect/spectrum.ts';
export { trainingFacts } from './inspect/training-facts.ts';
export { changesOf, type Delta, type DeltaRequest, deltaOf, isPlain } from './kinds/delta.ts';
export { misfit } from './kinds/fit.ts';
export type { Matrix, Multiply } from './kinds/matrices.ts';
export type {
  BaseLayer,
  LoraEmbedding,
  LoraModule,
  LoraWeights,
  ModuleKind,
  ModuleTensors,
  Role,
} from './kinds/module.ts';
export { withProducts } from './kinds/products.ts';
export {
  alphaOf,
  isLinearInStrength,
  kindOf,
  missingRoles,
  needsBase,
  rankOf,
  scaleOf,
  strangeRoles,
} from './kinds/table.ts';
export { familyWords } from './metadata/family-words.ts';
export {
  type Changes,
  checkHashes,
  describeMetadata,
  type Edited,
  editMetadata,
  findPrivate,
  type HashFacts,
  hashKeysOf,
  identify,
  type KeyFacts,
  type Metadata,
  type MetadataFacts,
  makeThumbnail,
  metadataKeys,
  stripMetadata,
  withoutPaths,
} from './metadata/index.ts';
export {
  float,
  floatOrNone,
  type PythonFloat,
  type PythonValue,
  pythonJson,
  pythonText,
} from './metadata/python-text.ts';
export { type BlockWeights, parseBlockWeights } from './names/block-weights.ts';
export { blockIndexOf, blockIndices, blockNameOf, blockNames, blockWeightLists } from './names/blocks.ts';
export { familyNamed } from './names/family.ts';
export type { BlockNaming, Part } from './names/layers.ts';
export { kohyaName, type NamingName, nameOf, namingOf, parseName } from './names/namings.ts';
export { type BakedFacts, type BakeOptions, bakeModule } from './tools/bake.ts';
export {
  type CombinedFile,
  type CombinedLora,
  combineLoras,
  combineModules,
  commonFamilies,
} from './tools/combine.ts';
export { type ConvertedLora, convertLora } from './tools/convert.ts';
export type { ConvertLoraOptions } from './tools/convert-describe.ts';
export { type DiffOptions, diffLoras, usualTolerance } from './tools/diff.ts';
export type {
  BlockDifference,
  Difference,
  LoraDifference,
  ModuleDifference,
  Verdict,
} from './tools/diff-facts.ts';
export { type Duplicate, type DuplicateGroup, findDuplicates } from './tools/duplicates.ts';
export {
  type ExtractedFacts,
  type ExtractedLora,
  type ExtractOptions,
  extractLora,
} from './tools/extract.ts';
export { type Merged, type MergeOptions, mergeIntoCheckpoint } from './tools/merge.ts';
export type { NamedLora } from './tools/merge-metadata.ts';
export { checkRankRule, type RankRule, type RankRuleName } from './tools/rank-rule.ts';
export {
  type ResizedFacts,
  type ResizedLora,
  type ResizedModule,
  resizeLora,
  resizeModule,
} from './tools/resize.ts';
export { showRanks } from './tools/resize-metadata.ts';
export { appliedModules, type StrongLora } from './tools/strengths.ts';
