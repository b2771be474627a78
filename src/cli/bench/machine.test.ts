/** What multiplies bfloat16, from flags as Linux shows them. */
import { expect, test } from 'vitest';
import { describeBfloat } from './machine.ts';

test.each([
  ['flags\t\t: fpu avx2', 'no bfloat16 units'],
  ['flags\t\t: fpu avx512_bf16', 'bfloat16 by AVX-512 BF16, no matrix units (AMX)'],
  ['flags\t\t: amx_bf16 avx512_bf16 amx_tile', 'bfloat16 by AMX and AVX-512 BF16'],
  ['', 'bfloat16 units not known'],
])('%j is %s', (cpuinfo, words) => {
  expect(describeBfloat(`processor\t: 0\n${cpuinfo}\nbugs\t\t:\n`)).toBe(words);
});
