/** @file The names that safetensors gives to element types, smallest alignment first, as its writer orders tensors. */
import type { DType } from '../engine/index.ts';

/** `enum Dtype` of safetensors/src/tensor.rs, in its order. */
export const dtypeNames: Readonly<Record<DType, string>> = {
  bool: 'BOOL',
  float4: 'F4',
  float6_e2m3: 'F6_E2M3',
  float6_e3m2: 'F6_E3M2',
  uint8: 'U8',
  int8: 'I8',
  float8_e5m2: 'F8_E5M2',
  float8_e4m3: 'F8_E4M3',
  float8_e8m0: 'F8_E8M0',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  int16: 'I16',
  uint16: 'U16',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  uint32: 'U32',
  float32: 'F32',
  complex64: 'C64',
  float64: 'F64',
  int64: 'I64',
  uint64: 'U64',
};

export const dtypeByName: ReadonlyMap<string, DType> = new Map(
  Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as DType]),
);

const ranks: ReadonlyMap<string, number> = new Map(Object.keys(dtypeNames).map((dtype, i) => [dtype, i]));

/** Place in the order of alignment. */
export const dtypeRank = (dtype: DType): number => ranks.get(dtype) as number;
