/** @file Whether the machine has room for a job: on the disk, and in memory. */
import type { JobError } from '../queue.ts';
import type { LaneChildren } from './lane-children.ts';
import type { LaneName } from './lanes.ts';
import type { SupervisorSettings } from './settings.ts';

/** DISK_LOW, where there is too little; undefined where there is enough or the disk does not tell. */
export async function diskTrouble({
  data,
  freeBytes,
  minFreeBytes,
}: SupervisorSettings): Promise<JobError | undefined> {
  const free = await freeBytes(data.path);
  const least = typeof minFreeBytes === 'function' ? minFreeBytes() : minFreeBytes;
  if (free === undefined || free >= least) return undefined;
  const [left, needed] = [free, least].map(bytes => `${Math.round(bytes / 1e6)} MB`);
  return {
    code: 'DISK_LOW',
    message: `${left} are free on the disk of ${data.path}; jobs begin when there are ${needed}`,
    hint: 'Free some space.',
  };
}

/**
 * For a job that wants memory: idle children that hold models give way, unless twice of what they hold is free. A run on the
 * same base needs at least its weights again, and its activations.
 */
export async function makeRoom(
  { lanes, memoryOf, availableMemory }: SupervisorSettings,
  children: LaneChildren,
  lane: LaneName,
): Promise<void> {
  if (!lanes[lane].wantsMemory) return;
  const idle = children.list().filter(({ runs, lane: own }) => runs.size === 0 && own !== lane);
  const held = await Promise.all(idle.map(({ handle }) => memoryOf(handle.pid)));
  const total = held.reduce((sum, bytes) => sum + bytes, 0);
  if (total > 0 && availableMemory() < 2 * total) await children.closeIdle();
}
