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
import type { LoraWeights, ModuleKind, ModuleTensors } from '../kinds/module.ts';
import type { BlockNaming } from '../names/layers.ts';
import { kohyaName } from '../names/namings.ts';

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

const largest: Readonly<Record<FloatDType, number>> = {
  float32: 3.4028234663852886e38,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
};

/** A file with NaN or infinity in it draws black pictures in every tool, so none is written. */
function checkFits(name: string, { data }: Tensor, dtype: FloatDType): void {
  const at = data.findIndex(x => !(Math.abs(x) <= largest[dtype]));
  if (at < 0) return;
  const message = `${name} holds ${data[at]} at ${at}, which ${dtype} cannot hold`;
  const hint = Number.isFinite(data[at]) ? 'Write float32 or bfloat16.' : 'Lower the learning rate.';
  throw new LoraError('LORA_NOT_FINITE', message, { hint });
}

/** Names of tensors in kohya's dialect and LyCORIS'; the others are called by their role. */
const suffixOf: Readonly<Partial<Record<keyof ModuleTensors, string>>> = {
  down: 'lora_down.weight',
  up: 'lora_up.weight',
  mid: 'lora_mid.weight',
  up_bias: 'lora_up.bias',
  magnitude: 'dora_scale',
  ia3: 'weight',
  a1: 'a1.weight',
  a2: 'a2.weight',
  b1: 'b1.weight',
  b2: 'b2.weight',
  bm: 'bm.weight',
};

const kindsWithoutAlpha: ReadonlySet<ModuleKind> = new Set(['full', 'norm', 'ia3']);

function entriesOf(lora: LoraWeights, { dtype, blocks }: LoraFileOptions): WritableTensor[] {
  const entry = (name: string, tensor: Tensor): WritableTensor => {
    checkFits(name, tensor, dtype);
    return { name, dtype, shape: tensor.shape, bytes: floatTensorBytes(tensor, dtype) };
  };
  return lora.modules.flatMap(({ target, kind, tensors, alpha }) => {
    const name = kohyaName(target, blocks);
    const roles = Object.entries(tensors) as [keyof ModuleTensors, Tensor][];
    const written = roles.map(([role, tensor]) => entry(`${name}.${suffixOf[role] ?? role}`, tensor));
    if (kindsWithoutAlpha.has(kind)) return written;
    return [...written, entry(`${name}.alpha`, { shape: [], data: Float32Array.of(alpha) })];
  });
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
