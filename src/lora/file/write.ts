/** @file Writes a LoRA in kohya's dialect, which every tool of the field loads. */
import type { Tensor } from '../../engine/index.ts';
import {
  bodyHash,
  type FloatDType,
  floatTensorBytes,
  legacyHash,
  serializeSafetensors,
  type WritableTensor,
  writeFileAtomic,
} from '../../files/index.ts';
import { kohyaName } from './names.ts';
import type { LoraWeights } from './types.ts';

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  /** sha256 of the tensor data, hex (AutoV3 is its first 12 digits). */
  readonly hash: string;
}

function entriesOf(lora: LoraWeights, dtype: FloatDType): WritableTensor[] {
  const entry = (name: string, tensor: Tensor): WritableTensor => ({
    name,
    dtype,
    shape: tensor.shape,
    bytes: floatTensorBytes(tensor, dtype),
  });
  return lora.modules.flatMap(({ target, down, up, alpha }) => {
    const name = kohyaName(target);
    return [
      entry(`${name}.lora_down.weight`, down),
      entry(`${name}.lora_up.weight`, up),
      entry(`${name}.alpha`, { shape: [], data: Float32Array.of(alpha) }),
    ];
  });
}

/** Serialises with all hashes that tools look for (see files/hash.ts). */
export function serializeLora(lora: LoraWeights, dtype: FloatDType): { bytes: Uint8Array; hash: string } {
  const entries = entriesOf(lora, dtype);
  const { metadata } = lora;
  const trainingOnly = Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('ss_')));
  const bare = serializeSafetensors(entries, trainingOnly);
  const hash = bodyHash(bare);
  const hashes: Record<string, string> = { sshs_model_hash: hash, sshs_legacy_hash: legacyHash(bare) };
  if ('modelspec.sai_model_spec' in metadata) hashes['modelspec.hash_sha256'] = `0x${hash}`;
  return { bytes: serializeSafetensors(entries, { ...metadata, ...hashes }), hash };
}

/** Writes atomically; a file that was there before is replaced only by a whole new one. */
export async function writeLora(path: string, lora: LoraWeights, dtype: FloatDType): Promise<WrittenFile> {
  const { bytes, hash } = serializeLora(lora, dtype);
  await writeFileAtomic(path, bytes);
  return { path, bytes: bytes.length, hash };
}
