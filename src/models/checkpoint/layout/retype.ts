/** @file A single file with its own names, in another type: what no weight is stays as it is, averaged weights are left out. */
import {
  readTensor,
  readTensorBytes,
  type SafetensorsFile,
  type StreamedTensor,
  type TensorEntry,
  type WeightDType,
} from '../../../files/index.ts';
import { isUnusedAverage } from '../single/find-parts.ts';
import { isWeightDType, rounded } from './laid-bytes.ts';
import { type Advance, bytesOf, streamAligned } from './write-tensors.ts';

/** Under these are weights; beside them lie schedules and counters. */
const modelNames =
  /^(?:model\.diffusion_model|diffusion_model|cond_stage_model|conditioner|first_stage_model|text_encoders?(?:_2)?|unet|vae)\./;

/** Whether a tensor of a file is a weight, which may have another type; `used` are the tensors that parts are made of. */
export const isWeightIn = ({ name, dtype }: TensorEntry, used: ReadonlySet<string>): boolean =>
  isWeightDType(dtype) && (used.has(name) || modelNames.test(name));

export interface Retyping {
  readonly tensors: readonly StreamedTensor[];
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
  const kept = [...tensors.values()].filter(({ name }) => !isUnusedAverage(name, used));
  const written = kept.map(entry => ({
    name: entry.name,
    shape: entry.shape,
    dtype: dtype && isWeightIn(entry, used) ? dtype : entry.dtype,
  }));
  return { tensors: written, bytes: bytesOf(written), averaged: tensors.size - kept.length };
}

export async function retype(
  file: SafetensorsFile,
  { tensors }: Retyping,
  out: string,
  advance: Advance,
): Promise<void> {
  const make = ({ name, dtype }: StreamedTensor): Uint8Array => {
    const entry = file.tensors.get(name) as TensorEntry;
    if (entry.dtype === dtype || !isWeightDType(dtype)) return readTensorBytes(file, name);
    return rounded(readTensor(file, name).data, entry.shape, dtype, `${file.path}: ${name}`);
  };
  await streamAligned(out, tensors, make, file.metadata, advance);
}
