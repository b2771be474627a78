/** The library: cards of LoRAs and checkpoints wherever they lie, the user's data sets and pictures, search and sharing. */
export type * from './card.ts';
export * from './datasets/index.ts';
export type { Library, ScanOptions } from './library.ts';
export { type OpenLibraryOptions, openLibrary } from './open-library.ts';
export { type ContentOptions, type PackContent, packContentOf } from './packs/pack-content.ts';
export { type PackedLora, type PackOptions, packLora } from './packs/pack-lora.ts';
export { takeLora } from './packs/take-lora.ts';
export { type Unpacked, type UnpackOptions, unpackLora } from './packs/unpack-lora.ts';
export * from './pictures/index.ts';
export { receiveBytes, receiveFile } from './receive.ts';
export { exportPreview } from './side-files/export-preview.ts';
export { nameSets } from './side-files/trigger-sets.ts';
export {
  type SideCard,
  type WrittenSideDialect,
  writeSideFile,
  writtenSideDialects,
} from './side-files/write-side-file.ts';
