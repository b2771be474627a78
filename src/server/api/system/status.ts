/** @file How the studio is: what the page shows at its edge, and events tell when it changes. */
import { basename } from 'node:path';
import { jobKindNames, jobKinds } from '../../../jobs/index.ts';
import { version } from '../../../version.ts';
import type { StudioContext } from '../../context.ts';
import { withoutPlaces } from '../../plain-places.ts';
import type { ApiStatus } from '../../schemas/system.ts';
import { cores, diskSpace, memory } from './machine.ts';

type Finding = ApiStatus['findings'][number];

const megabyte = 1e6;
/** Below this, training a small model begins to swap. */
const littleMemory = 512 * megabyte;

function findingsOf(context: StudioContext, isLow: boolean, available: number): Finding[] {
  const { supervisor, library } = context;
  const { trouble } = supervisor.status();
  const missing = library.folders().filter(({ state }) => state === 'missing').length;
  return [
    ...(trouble
      ? [
          {
            ...{ level: 'warning' as const, code: trouble.code },
            text: `No job begins: ${withoutPlaces(trouble.message, context)}`,
          },
        ]
      : []),
    ...(isLow && trouble?.code !== 'DISK_LOW'
      ? [{ level: 'warning' as const, code: 'DISK_LOW', text: 'The disk is nearly full: jobs wait.' }]
      : []),
    ...(available < littleMemory
      ? [
          {
            level: 'warning' as const,
            code: 'MEMORY_LOW',
            text: 'Little memory is free: pictures take longer.',
          },
        ]
      : []),
    ...(missing > 0
      ? [
          {
            ...{ level: 'note' as const, code: 'FOLDER_MISSING' },
            text: `${missing} ${missing === 1 ? 'folder' : 'folders'} of the library cannot be reached just now.`,
          },
        ]
      : []),
  ];
}

const listed = jobKindNames.filter(kind => jobKinds[kind].isListed);

/** Of jobs that lists show. */
async function countsOf({ queue, queueGate }: StudioContext): Promise<ApiStatus['queue']> {
  const count = async (state: 'running' | 'queued' | 'paused'): Promise<number> =>
    (await queue.list({ states: [state], kinds: listed, limit: 1 })).total;
  return {
    ...{ running: await count('running'), queued: await count('queued'), paused: await count('paused') },
    isPaused: queueGate.isPaused(),
  };
}

const mostSkipped = 100;

/** Where files lie is told only to who sits at this machine. */
function lastScan({ scans, isLocal }: StudioContext): Pick<ApiStatus['scan'], 'last'> {
  const last = scans.last();
  if (!last) return {};
  const { at, seen, skipped, error } = last;
  const shown = skipped
    .slice(0, mostSkipped)
    .map(({ path, reason }) => ({ path: isLocal ? path : basename(path), reason }));
  const why = isLocal ? error : error && 'the log of the studio tells why';
  return { last: { at, seen, skipped: shown, skippedCount: skipped.length, ...(why ? { error: why } : {}) } };
}

export async function statusOf(context: StudioContext): Promise<ApiStatus> {
  const { data, settings, scans, startedAt } = context;
  const { device, reserveMegabytes } = settings.get();
  const disk = await diskSpace(data.path);
  const isLow = disk.total > 0 && disk.free < reserveMegabytes * megabyte;
  const held = memory();
  return {
    ...{ version, startedAt, device, cores: cores(), memory: held, disk: { ...disk, isLow } },
    ...{ queue: await countsOf(context), scan: { ...scans.state(), ...lastScan(context) } },
    findings: findingsOf(context, isLow, held.available),
  };
}
