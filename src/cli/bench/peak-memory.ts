/** @file The highest resident memory of this process, measured as bench/peers/measuring.py does. */
import { readFileSync } from 'node:fs';

/** On Linux VmHWM, because ru_maxrss counts what the starter of this process held before it became this program. */
export function peakBytes(): number {
  if (process.platform === 'linux') {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes) return Number(kilobytes) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
