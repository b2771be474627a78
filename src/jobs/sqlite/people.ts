/** @file What people ask: cancel, pause, resume, retry, move, remove. */
import { badInput } from '../../errors.ts';
import { isPriority, mayAct, stateError } from '../job-actions.ts';
import type { Job, JobId, JobQueue } from '../queue.ts';
import { change, type Desk } from './desk.ts';
import { logEvent } from './event-log.ts';
import { countNeeds, end, failedNeed, putBack, rowOf, setColumns } from './job-rows.ts';
import { firstRank, lastRank, rankBeside } from './places.ts';
import { readJobs } from './read-jobs.ts';

const jobNow = (desk: Desk, id: JobId): Job => readJobs(desk.store, [id])[0] as Job;

export function cancel(desk: Desk, id: JobId): Job {
  return change(desk, () => {
    const row = rowOf(desk, id);
    if (mayAct('cancel', row)) {
      if (row.state === 'running') {
        setColumns(desk, id, { asked: 'cancel' });
        logEvent(desk, 'changed', id);
      } else end(desk, row, 'cancelled');
    }
    return jobNow(desk, id);
  });
}

export function pause(desk: Desk, id: JobId): Job {
  return change(desk, () => {
    const row = rowOf(desk, id);
    if (mayAct('pause', row)) {
      if (row.state === 'running') {
        setColumns(desk, id, { asked: 'pause', isResumed: 0 });
        logEvent(desk, 'changed', id);
      } else putBack(desk, id, 'paused');
    }
    return jobNow(desk, id);
  });
}

export function resume(desk: Desk, id: JobId): Job {
  return change(desk, () => {
    const row = rowOf(desk, id);
    if (mayAct('resume', row)) {
      if (row.state === 'running') {
        // Its worker may have heard of the pause already; what it gives back is queued then.
        setColumns(desk, id, { asked: null, isResumed: 1 });
        logEvent(desk, 'changed', id);
      } else putBack(desk, id, 'queued');
    }
    return jobNow(desk, id);
  });
}

export function retry(desk: Desk, id: JobId): Job {
  return change(desk, () => {
    const row = rowOf(desk, id);
    mayAct('retry', row);
    const needed = failedNeed(desk, id);
    if (needed) {
      const what = needed.state
        ? `it needs job ${needed.id} (${needed.title}), which ${needed.state === 'failed' ? 'failed' : 'was cancelled'}; try that one again first`
        : `it needs job ${needed.id}, which was removed`;
      throw stateError('retry', row, what);
    }
    countNeeds(desk.store, id);
    const anew = { faults: 0, error: null, progress: null, startedAt: null, endedAt: null };
    putBack(desk, id, 'queued', { ...anew, rank: lastRank(desk.store, row.precedence) });
    return jobNow(desk, id);
  });
}

type Place = Parameters<JobQueue['move']>[1];

export function move(desk: Desk, id: JobId, to: Place): Job {
  if (typeof to === 'object' && 'priority' in to && !isPriority(to.priority))
    throw badInput(
      'JOB_INVALID',
      `${to.priority} is no priority; give a whole number from -1000000 to 1000000`,
    );
  return change(desk, () => {
    const row = rowOf(desk, id);
    mayAct('move', row);
    const place = placeAt(desk, row, to);
    if (place) {
      setColumns(desk, id, place);
      logEvent(desk, 'changed', id);
    }
    return jobNow(desk, id);
  });
}

function placeAt(
  desk: Desk,
  { id, precedence }: { id: JobId; precedence: number },
  to: Place,
): { precedence: number; rank: number } | undefined {
  const { store } = desk;
  if (to === 'first') return { precedence, rank: firstRank(store, precedence) };
  if (to === 'last') return { precedence, rank: lastRank(store, precedence) };
  if ('priority' in to) {
    const wanted = 0 - to.priority;
    return wanted === precedence ? undefined : { precedence: wanted, rank: lastRank(store, wanted) };
  }
  const [side, other] = 'before' in to ? (['before', to.before] as const) : (['after', to.after] as const);
  const target = rowOf(desk, other);
  if (other === id) return undefined;
  mayAct('move', target); // only queued and paused jobs have a place
  return { precedence: target.precedence, rank: rankBeside(store, other, side) };
}

export function remove(desk: Desk, id: JobId): void {
  change(desk, () => {
    mayAct('remove', rowOf(desk, id));
    // Its event outlives it for long: without what may be large.
    logEvent(desk, 'removed', id, { ...jobNow(desk, id), payload: undefined, result: undefined });
    desk.store.run(`DELETE FROM jobs WHERE id = $id`, { id });
  });
}
