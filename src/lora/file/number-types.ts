/** @file Which type a tensor of a LoRA is written in, and what that type can hold. */
import type { Tensor } from '../../engine/index.ts';
import { narrowToBfloat, narrowToHalf, widenBfloat, widenHalf } from '../../engine/index.ts';
import type { FloatDType } from '../../files/index.ts';
import type { NamedTensor } from './dialect-tensors.ts';

const largest: Readonly<Record<FloatDType, number>> = {
  float32: 3.4028234663852886e38,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
};

/** Index of the first number that the type makes infinity, or that is NaN or infinity already; else −1. */
export function firstUnfit({ data }: Tensor, dtype: FloatDType): number {
  const most = largest[dtype];
  for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]) <= most)) return i;
  return -1;
}

const rounded: Readonly<Record<FloatDType, (data: Float32Array) => Float32Array>> = {
  float32: data => data,
  float16: data => widenHalf(narrowToHalf(data)),
  bfloat16: data => widenBfloat(narrowToBfloat(data)),
};

/** The type asked for; an alpha that it would round, as those of rsLoRA are, stays in float32. */
export function typeFor({ role, tensor: { data } }: NamedTensor, dtype: FloatDType): FloatDType {
  return role === 'alpha' && rounded[dtype](data)[0] !== data[0] ? 'float32' : dtype;
}
