/** @file What a process holds in memory for itself. */
import { readFile } from 'node:fs/promises';

/** Bytes; 0 where the system does not tell: nobody gives way on a guess. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
