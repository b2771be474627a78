/** Bytes to tensors, pictures and metadata and back; nothing here executes what it reads. */
export {
  ensureFreeSpace,
  ensureWritableFolder,
  removeLeftovers,
  type WriteOptions,
  writeAtomically,
  writeFileAtomic,
  writeWhole,
} from './atomic-write.ts';
export { type Disk, type DiskFile, disk } from './disk.ts';
export { exifWithComment } from './exif.ts';
export { bodyHash, hashTensorData, legacyHash } from './hash.ts';
export { hashFile, hashFileInThread, type ThreadedHash } from './hash-file.ts';
export { isFolder, isReachableFolder } from './is-folder.ts';
export { jpegTextLength, withJpegBlocks } from './jpeg-segments.ts';
export { isLocked, lockFile } from './lock.ts';
export { type PictureTexts, readPictureTexts } from './picture-texts.ts';
export { encodePng, type Pixels, xmpKeyword } from './png.ts';
export { readPngText } from './png-text.ts';
export { openRangeReader, type RangeReader } from './range-reader.ts';
export { resolveInside } from './resolve-inside.ts';
export {
  type FloatDType,
  floatTensorBytes,
  holdContents,
  openSafetensors,
  parseSafetensors,
  readRange,
  readTensor,
  readTensorBytes,
  type SafetensorsFile,
  type TensorEntry,
  type WeightDType,
} from './safetensors.ts';
export { type HashKey, hashByName, hashKeys, type ModelHashes, modelHashes } from './safetensors-hashes.ts';
export { printable } from './safetensors-header.ts';
export {
  rewriteMetadata,
  type StreamOptions,
  streamSafetensors,
  type TensorData,
} from './safetensors-stream.ts';
export {
  canonicalOrder,
  type StreamedTensor,
  safetensorsHeader,
  serializeSafetensors,
  type WritableTensor,
} from './safetensors-write.ts';
export { readTorchFile, type TorchValue } from './torch-file.ts';
export { withWebpBlocks } from './webp-chunks.ts';
