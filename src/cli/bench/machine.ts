/** @file What a figure depends on besides the program, in one line. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Instruction sets for bfloat16 products, by their name in /proc/cpuinfo. */
const bfloatUnits: Readonly<Record<string, string>> = { amx_bf16: 'AMX', avx512_bf16: 'AVX-512 BF16' };

/** What multiplies bfloat16 here, from the flags of /proc/cpuinfo. */
export function describeBfloat(cpuinfo: string): string {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1].trim().split(/\s+/) ?? []);
  if (flags.size === 0) return 'bfloat16 units not known';
  const has = Object.keys(bfloatUnits).filter(flag => flags.has(flag));
  if (has.length === 0) return 'no bfloat16 units';
  const matrix = has.includes('amx_bf16') ? '' : ', no matrix units (AMX)';
  return `bfloat16 by ${has.map(flag => bfloatUnits[flag]).join(' and ')}${matrix}`;
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

export function describeMachine(device: string): string {
  const processor = `${cpus()[0]?.model}, ${cpus().length} cores, ${describeBfloat(readCpuinfo())}`;
  return [...(device === 'cpu' ? [] : [`device ${device}`]), processor, `Node ${process.versions.node}`].join(
    ', ',
  );
}
