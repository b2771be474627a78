/** Bytes to tensors, pictures and metadata and back; nothing here executes what it reads. */
export {
  ensureFreeSpace,
  ensureWritableFolder,
  removeLeftovers,
  type WriteOptions,
  writeFileAtomic,
} from './atomic-write.ts';
export { bodyHash, hashFile, hashTensorData, legacyHash } from './hash.ts';
export { isFolder } from './is-folder.ts';
export { lockFile } from './lock.ts';
export { encodePng, type Pixels, readPngText } from './png.ts';
export {
  type FloatDType,
  floatTensorBytes,
  openSafetensors,
  readRange,
  readTensor,
  readTensorBytes,
  type SafetensorsFile,
  serializeSafetensors,
  type TensorEntry,
  type WeightDType,
  type WritableTensor,
} from './safetensors.ts';
export { type StreamedTensor, safetensorsHeader, streamSafetensors } from './safetensors-stream.ts';
