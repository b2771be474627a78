/**
 * @file Normals as torch's CUDA generator gives them, in the form A1111 made known as noise source "NV": one Philox
 * counter a number, one step of the offset a call. torch on CUDA does the same up to as many numbers as its launch has
 * threads (multiprocessors × threads of one; 43,008 on an RTX 3060, 196,608 on an RTX 4090); a larger call depends on
 * the card there.
 */
import { philox } from '../../engine/index.ts';
import type { TorchGenerator } from './torch-normals.ts';

/** 2⁻³² and 2π·2⁻³² as A1111 has them: float32 numbers, with which it computes in float64. */
const perWord = Math.fround(2.3283064e-10);
const anglePerWord = Math.fround(2.3283064e-10 * 6.2831855);

/** `torch.Generator('cuda').manual_seed(seed)`: all 64 bits of the seed count. */
export function philoxGenerator(seed: bigint): TorchGenerator {
  const bits = BigInt.asUintN(64, seed);
  const key = [Number(bits & 0xffffffffn), Number(bits >> 32n)];
  let offset = 0;
  return {
    normals(count) {
      const out = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        const [a, b] = philox([offset, 0, i, 0], key);
        const radius = Math.sqrt(-2 * Math.log(a * perWord + perWord / 2));
        out[i] = radius * Math.sin(b * anglePerWord + anglePerWord / 2);
      }
      offset++;
      return out;
    },
  };
}
