/** The data set: a folder of pictures and captions becomes buckets, crops, training pixels and cached latents. */

export * from './buckets.ts';
export * from './cache.ts';
export * from './epochs.ts';
export { type DatasetWarning, isSkip, type Skip } from './findings.ts';
export { inspectPicture, type PictureFacts, pictureExtensions } from './inspect.ts';
export * from './latents.ts';
export { maskRule } from './masks.ts';
export * from './picture.ts';
export * from './scan.ts';
