/** Pictures of the studio: the history, uploads, and how pictures are served. */
export type { IndexedPicture, PictureQuery } from './index-store.ts';
export { factsOfText, lorasOf, type NamedLora } from './picture-facts.ts';
export { openPictures, type Pictures } from './pictures.ts';
export {
  type ServedPicture,
  type ServedSize,
  servedBytes,
  servedPicture,
  servedSizes,
  sweepServed,
} from './served.ts';
export { keepUpload, saveUpload, type Upload, uploadLimits, uploadPath } from './uploads.ts';
