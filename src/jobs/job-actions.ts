/** @file What people can do to a job in each state, and what is said where they cannot; the same for every adapter. */
import { badInput, LoraError } from '../errors.ts';
import type { Job, JobId, JobState, NewJob } from './queue.ts';

/** In which states an action does something. */
export const jobActions = {
  cancel: ['queued', 'paused', 'running'],
  pause: ['queued', 'running'],
  resume: ['paused'],
  retry: ['failed', 'cancelled'],
  move: ['queued', 'paused'],
  remove: ['done', 'failed', 'cancelled'],
} as const satisfies Readonly<Record<string, readonly JobState[]>>;

export type JobAction = keyof typeof jobActions;

/** States in which an action has nothing left to do, and says so by doing nothing. */
const alreadySo: Readonly<Partial<Record<JobAction, readonly JobState[]>>> = {
  cancel: ['cancelled'],
  pause: ['paused'],
  resume: ['queued', 'running'],
};

/** What can be done to a job now. */
export function actionsOf({ state, asked }: Pick<Job, 'state' | 'asked'>): JobAction[] {
  if (state === 'running' && asked === 'cancel') return [];
  const names = Object.keys(jobActions) as JobAction[];
  const usual = names.filter(name => (jobActions[name] as readonly JobState[]).includes(state));
  return state === 'running' && asked === 'pause' ? ['cancel', 'resume'] : usual;
}

const pastWords: Readonly<Record<JobAction, string>> = {
  ...{ cancel: 'cancelled', pause: 'paused', resume: 'resumed', retry: 'tried again' },
  ...{ move: 'moved', remove: 'removed' },
};

/** Whether there is something to do; throws JOB_STATE, with what is possible, where the state does not allow it. */
export function mayAct(action: JobAction, job: Pick<Job, 'id' | 'title' | 'state' | 'asked'>): boolean {
  const isCancelled = job.state === 'running' && job.asked === 'cancel';
  if (isCancelled && action === 'cancel') return false;
  if (actionsOf(job).includes(action)) return true;
  if (job.state === 'running' && job.asked === action) return false;
  if (!isCancelled && alreadySo[action]?.includes(job.state)) return false;
  throw stateError(action, job);
}

/** JOB_STATE */
export function stateError(
  action: JobAction,
  job: Pick<Job, 'id' | 'title' | 'state' | 'asked'>,
  why = `it is ${job.asked === 'cancel' ? 'being cancelled' : job.state}`,
): LoraError {
  const possible = actionsOf(job).filter(name => name !== action);
  const hint =
    possible.length > 0
      ? `What can be done to it now: ${possible.join(', ')}.`
      : 'Nothing can be done to it until it has ended.';
  const message = `job ${job.id} (${job.title}) cannot be ${pastWords[action]}: ${why}`;
  return new LoraError('JOB_STATE', message, { exit: 'usage', hint });
}

/** JOB_UNKNOWN */
export function unknownJob(id: JobId): LoraError {
  return new LoraError('JOB_UNKNOWN', `there is no job ${String(id).slice(0, 80)}`, {
    exit: 'usage',
    hint: 'It may have been removed; read the list again.',
  });
}

/** Of a job that cannot begin any more. */
export function needsFailed(needed: Pick<Job, 'id' | 'title' | 'state'>) {
  return {
    code: 'JOB_NEEDS_FAILED',
    message: `it needs job ${needed.id} (${needed.title}), which ${needed.state === 'cancelled' ? 'was cancelled' : 'failed'}`,
    hint: 'Try that one again first, then this one.',
  };
}

/** Of a job whose worker died as often as it may. */
export function diedError(faults: number) {
  return {
    code: 'JOB_DIED',
    message: `the process that worked on it died ${faults === 1 ? 'once' : `${faults} times`}`,
    hint: 'The log of the job may say why; often there is too little memory. It can be tried again.',
  };
}

/** More is no payload of any kind. */
const longestJson = 4 * 2 ** 20;

/** A value as JSON text; throws JOB_INVALID for what JSON cannot hold. */
export function plainJson(what: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw badInput('JOB_INVALID', `${what} is no plain JSON: ${(cause as Error).message}`, undefined, cause);
  }
  if (text === undefined) throw badInput('JOB_INVALID', `${what} is no plain JSON: it is ${typeof value}`);
  if (text.length > longestJson)
    throw badInput('JOB_INVALID', `${what} has ${text.length} characters; ${longestJson} are possible`);
  return text;
}

/** Throws JOB_INVALID for a job that no queue could keep. */
export function checkNewJob({ id, title, priority, maxAttempts }: NewJob): void {
  const problem =
    id !== undefined && !/^[\w-]{1,64}$/.test(id)
      ? `its id ${JSON.stringify(String(id).slice(0, 80))} is not made of letters, digits, - and _`
      : priority !== undefined && !isPriority(priority)
        ? `its priority ${priority} is not a whole number from -1000000 to 1000000`
        : maxAttempts !== undefined && !(Number.isSafeInteger(maxAttempts) && maxAttempts >= 1)
          ? `its maxAttempts ${maxAttempts} is not a whole number above 0`
          : undefined;
  if (problem !== undefined) throw badInput('JOB_INVALID', `job ${title} cannot be queued: ${problem}`);
}

export function isPriority(value: number): boolean {
  return Number.isSafeInteger(value) && Math.abs(value) <= 1_000_000;
}
