/** The heart: kinds of LoRA, attached to a model's layers or merged into its weights, and their files. */
export { type Attachment, attach, type Slot, slotShapes } from './attach/attach.ts';
export { checkRank, initialParameters } from './attach/initial.ts';
export { chooseTargets, targetPresets } from './attach/targets.ts';
