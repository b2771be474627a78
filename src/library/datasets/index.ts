/** Data sets of the studio: own folders, the user's, and the package's examples. */
export type { CaptionChanges, CaptionEdit } from './captions.ts';
export { type DatasetSummary, type Datasets, openDatasets, type WholeDataset } from './datasets.ts';
export type { DatasetPicture } from './listing.ts';
export { type DatasetOrigin, type DatasetPlace, findDataset } from './places.ts';
