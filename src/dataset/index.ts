/** The data set: a folder of pictures and captions becomes buckets, crops, training pixels and cached latents. */

export * from './buckets.ts';
export * from './cache.ts';
export { calmCaption, captionChances, drawCaption, fixedCaption, longestCaption } from './caption-draw.ts';
export { applyCaptionEdits, type UndoneEdit, undoCaptionEdit } from './caption-edits/apply.ts';
export { listEdits, readEdit } from './caption-edits/history.ts';
export {
  type CaptionChange,
  type CaptionPlan,
  type CaptionQuery,
  planCaptionEdits,
} from './caption-edits/plan.ts';
export type { CaptionRules } from './caption-edits/rules.ts';
export * from './epochs.ts';
export { type DatasetWarning, isSkip, type Skip } from './findings.ts';
export { mapInOrder } from './in-order.ts';
export {
  inspectPicture,
  openPicture,
  type PictureFacts,
  pictureExtensions,
  readHeader,
  refuseFormat,
} from './inspect.ts';
export { type KohyaDataset, readKohyaDataset } from './kohya/read.ts';
export * from './latents.ts';
export { comparePictures, describeLikeness, groupAlike, type Likeness } from './likeness/likeness.ts';
export { maskRule } from './masks.ts';
export * from './picture.ts';
export { hasVariants, type PictureRules, plainRules } from './picture-rules.ts';
export { balanceRegularisation } from './regularisation.ts';
export * from './report/index.ts';
export * from './scan.ts';
export { listSource, type PictureSource } from './source-files.ts';
