/** @file How fast this machine is, measured once a day: a page that forecasts at every key press cannot wait for it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../files/index.ts';
import { thisMachine } from '../tuning-file.ts';
import { type MachineSpeed, measureSpeed } from './machine-speed.ts';

const dayMs = 24 * 3600 * 1000;

const keptSchema = z.object({
  machine: z.unknown(),
  measuredAt: z.number(),
  flops: z.number().positive(),
  bytes: z.number().positive(),
});

const fileName = 'machine-speed.json';

/** What was kept of this very machine, unless it is too old. */
function readKept(path: string, now: number): MachineSpeed | undefined {
  try {
    const kept = keptSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    const isOwn = JSON.stringify(kept.machine) === JSON.stringify(thisMachine());
    const isFresh = now >= kept.measuredAt && now - kept.measuredAt < dayMs;
    return isOwn && isFresh ? { flops: kept.flops, bytes: kept.bytes } : undefined;
  } catch {
    return undefined; // none yet, or damaged: it is measured again
  }
}

const known = new Map<string, Promise<MachineSpeed>>();

async function readOrMeasure(folder: string, measure: () => Promise<MachineSpeed>): Promise<MachineSpeed> {
  const path = join(folder, fileName);
  const kept = readKept(path, Date.now());
  if (kept) return kept;
  const speed = await measure();
  try {
    mkdirSync(folder, { recursive: true });
    await writeFileAtomic(path, JSON.stringify({ machine: thisMachine(), measuredAt: Date.now(), ...speed }));
  } catch {
    // A cache that cannot be written costs a second tomorrow.
  }
  return speed;
}

/** Measured once a process, and kept in `folder` for a day. */
export function knownSpeed(
  folder: string,
  measure: () => Promise<MachineSpeed> = measureSpeed,
): Promise<MachineSpeed> {
  const found = known.get(folder) ?? readOrMeasure(folder, measure);
  known.set(folder, found);
  found.catch(() => known.delete(folder));
  return found;
}
