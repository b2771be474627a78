/** @file Writes a LoRA in kohya's dialect, which every tool of the field loads. */
import type { Tensor } from '../../engine/index.ts';
import { LoraError } from '../../errors.ts';
import {
  bodyHash,
  type FloatDType,
  floatTensorBytes,
  legacyHash,
  serializeSafetensors,
  type WritableTensor,
  type WriteOptions,
  writeFileAtomic,
} from '../../files/index.ts';
import type { LoraWeights } from '../kinds/module.ts';
import type { BlockNaming } from '../names/layers.ts';
import { kohyaName } from '../names/namings.ts';
import { dialectTensors } from './dialect-tensors.ts';
import { embeddingKey } from './embeddings.ts';
import { firstUnfit, typeFor } from './number-types.ts';

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  /** sha256 of the tensor data, hex (AutoV3 is its first 12 digits). */
  readonly hash: string;
}

export interface LoraFileOptions extends WriteOptions {
  readonly dtype: FloatDType;
  /** `ldm` for SDXL, as kohya has it. */
  readonly blocks?: BlockNaming;
}

/** A file with NaN or infinity in it draws black pictures in every tool, so none is written. */
function checkFits(name: string, tensor: Tensor, dtype: FloatDType): void {
  const at = firstUnfit(tensor, dtype);
  if (at < 0) return;
  const value = tensor.data[at];
  const message = `${name} holds ${value} at ${at}, which ${dtype} cannot hold`;
  const hint = Number.isFinite(value) ? 'Write float32 or bfloat16.' : 'Lower the learning rate.';
  throw new LoraError('LORA_NOT_FINITE', message, { hint });
}

function entriesOf(lora: LoraWeights, options: LoraFileOptions): WritableTensor[] {
  const modules = lora.modules.flatMap(module =>
    dialectTensors('kohya', module).map(named => {
      const name = kohyaName(module.target, options.blocks) + named.suffix;
      const [{ tensor }, dtype] = [named, typeFor(named, options.dtype)];
      checkFits(name, tensor, dtype);
      return { name, dtype, shape: tensor.shape, bytes: floatTensorBytes(tensor, dtype) };
    }),
  );
  const { dtype } = options;
  const words = (lora.embeddings ?? []).flatMap(({ word, vectors }) =>
    (['text_encoder', 'text_encoder_2'] as const).flatMap(part => {
      const tensor = vectors[part];
      if (!tensor) return [];
      const name = embeddingKey(word, part);
      checkFits(name, tensor, dtype);
      return [{ name, dtype, shape: tensor.shape, bytes: floatTensorBytes(tensor, dtype) }];
    }),
  );
  return [...modules, ...words];
}

/** Serialises with all hashes that tools look for (see files/hash.ts). */
export function serializeLora(
  lora: LoraWeights,
  options: LoraFileOptions,
): { bytes: Uint8Array; hash: string } {
  const entries = entriesOf(lora, options);
  const { metadata } = lora;
  const trainingOnly = Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('ss_')));
  const bare = serializeSafetensors(entries, trainingOnly);
  const hash = bodyHash(bare);
  const hashes: Record<string, string> = { sshs_model_hash: hash, sshs_legacy_hash: legacyHash(bare) };
  if ('modelspec.sai_model_spec' in metadata) hashes['modelspec.hash_sha256'] = `0x${hash}`;
  return { bytes: serializeSafetensors(entries, { ...metadata, ...hashes }), hash };
}

/** Writes atomically; a file that was there before is replaced only by a whole new one, or kept if that is asked. */
export async function writeLora(
  path: string,
  lora: LoraWeights,
  options: LoraFileOptions,
): Promise<WrittenFile> {
  const { bytes, hash } = serializeLora(lora, options);
  await writeFileAtomic(path, bytes, options);
  return { path, bytes: bytes.length, hash };
}
