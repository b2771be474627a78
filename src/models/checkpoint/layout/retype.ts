/** @file A single file with its own names, in another type: what no weight is stays as it is, averaged weights are left out. */
import { bytesPerElement, type DType, elementCount } from '../../../engine/index.ts';
import {
  readTensor,
  readTensorBytes,
  type SafetensorsFile,
  streamSafetensors,
  type TensorEntry,
  type WeightDType,
} from '../../../files/index.ts';
import { averagedPrefix } from '../single/find-parts.ts';
import { isWeightDType, rounded } from './laid-bytes.ts';
import type { Advance } from './write-tensors.ts';

/** Under these are weights; beside them lie schedules and counters. */
const modelNames =
  /^(?:model\.diffusion_model|diffusion_model|cond_stage_model|conditioner|first_stage_model|text_encoders?(?:_2)?|unet|vae)\./;

export interface Retyping {
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: DType;
    readonly shape: readonly number[];
  }[];
  readonly bytes: number;
  /** How many averaged (EMA) tensors are left out. */
  readonly averaged: number;
}

/** What a file becomes; `used` are the tensors that parts are made of. */
export function planRetyping(
  { tensors }: SafetensorsFile,
  used: ReadonlySet<string>,
  dtype: WeightDType | undefined,
): Retyping {
  const isAveraged = ({ name }: TensorEntry): boolean => name.startsWith(averagedPrefix) && !used.has(name);
  const kept = [...tensors.values()].filter(entry => !isAveraged(entry));
  const isWeight = ({ name, dtype }: TensorEntry): boolean =>
    isWeightDType(dtype) && (used.has(name) || modelNames.test(name));
  const written = kept
    .map(entry => ({
      name: entry.name,
      shape: entry.shape,
      dtype: dtype && isWeight(entry) ? dtype : entry.dtype,
    }))
    .sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype]);
  const bytes = written.reduce(
    (sum, { shape, dtype }) => sum + elementCount(shape) * bytesPerElement[dtype],
    0,
  );
  return { tensors: written, bytes, averaged: tensors.size - kept.length };
}

export async function retype(
  file: SafetensorsFile,
  { tensors }: Retyping,
  out: string,
  { wrote, signal }: Advance,
): Promise<void> {
  const bytesOf = (name: string, dtype: DType): Uint8Array => {
    const entry = file.tensors.get(name) as TensorEntry;
    if (entry.dtype === dtype || !isWeightDType(dtype)) return readTensorBytes(file, name);
    return rounded(readTensor(file, name).data, entry.shape, dtype, `${file.path}: ${name}`);
  };
  await streamSafetensors(
    out,
    tensors,
    ({ name, dtype }) => {
      signal?.throwIfAborted();
      const bytes = bytesOf(name, dtype);
      wrote(bytes.length);
      return bytes;
    },
    file.metadata,
    { keepExisting: true },
  );
}
