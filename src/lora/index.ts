/** The heart: kinds of LoRA, attached to a model's layers or merged into its weights, and their files. */
export { type Attachment, attach, type Slot, slotShapes } from './attach/attach.ts';
export { type AppliedLora, addDelta, type CombinedLora, combineLoras, mergeLoras } from './attach/combine.ts';
export { checkRank, initialParameters } from './attach/initial.ts';
export { chooseTargets, targetPresets } from './attach/targets.ts';
export { plainLora, type TrainableKind, type TrainedLayer } from './attach/trained-layer.ts';
export { inspectLora, type LoraFacts, type ModuleFacts } from './file/inspect.ts';
export { type BlockNaming, kohyaName } from './file/names.ts';
export { type ReadOptions, readLora } from './file/read.ts';
export type { LoadReport } from './file/types.ts';
export { type LoraFileOptions, serializeLora, type WrittenFile, writeLora } from './file/write.ts';
export type {
  BaseLayer,
  LoraModule,
  LoraWeights,
  ModuleKind,
  ModuleTensors,
  Role,
} from './kinds/module.ts';
