/** @file What A1111's clients see as the state of one program: the job that it is at. */
import type { Job } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { stamp } from './info.ts';
import { findTask, taskNameOf } from './tasks.ts';

interface Detail {
  readonly step?: number;
  readonly steps?: number;
  readonly done?: number;
}

const detailOf = ({ progress }: Job): Detail => (progress?.detail ?? {}) as Detail;

/** Running ones first, then those that wait, in their order. */
async function activeJobs({ queue }: StudioContext): Promise<readonly Job[]> {
  const kinds = ['generate', 'compare'] as const;
  return (await queue.list({ states: ['running', 'queued'], kinds, limit: 100 })).jobs;
}

const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89;

/** Pictures have numbers, so that a client is not sent the one that it has. */
const numbers = new WeakMap<Uint8Array, number>();
let lastNumber = 0;
function numberOf(preview: Uint8Array): number {
  const known = numbers.get(preview) ?? ++lastNumber;
  numbers.set(preview, known);
  return known;
}

/** Idle is progress 0 and no jobs: clients wait for exactly that. */
export async function progressOf(context: StudioContext, skipsPicture: boolean): Promise<object> {
  const jobs = await activeJobs(context);
  const job = jobs.at(0);
  const detail: Detail = job ? detailOf(job) : {};
  const preview = job && !skipsPicture ? context.previewOf(job.id) : undefined;
  const isStopping = job?.asked === 'cancel';
  return {
    progress: job ? Math.min(1, Math.max(job.progress?.share ?? 0, 0.001)) : 0,
    eta_relative: job?.progress?.secondsLeft ?? 0,
    state: {
      ...{ skipped: false, interrupted: isStopping, stopping_generation: isStopping },
      ...{ job: job?.title ?? '', job_count: jobs.length, job_no: detail.done ?? 0 },
      job_timestamp: job ? stamp(job.createdAt) : '0',
      ...{ sampling_step: detail.step ?? 0, sampling_steps: detail.steps ?? 0 },
    },
    current_image: preview ? Buffer.from(preview).toString('base64') : null,
    textinfo: job?.progress?.text ?? null,
    current_task: job ? taskNameOf(context, job.id) : null,
  };
}

export interface TaskQuestion {
  readonly id_task?: string | null | undefined;
  readonly id_live_preview?: number | null | undefined;
  readonly live_preview?: boolean | null | undefined;
}

/** As A1111's page asks: of a task by its id, or of whatever is drawn now. */
export async function taskProgressOf(context: StudioContext, asked: TaskQuestion): Promise<object> {
  const { id_task: id, id_live_preview: seen, live_preview: wantsPreview } = asked;
  const active = await activeJobs(context);
  const task = id ? findTask(context, id) : undefined;
  const jobs = id ? active.filter(job => job.id === id || task?.ids.includes(job.id)) : active;
  const running = jobs.find(({ state }) => state === 'running');
  if (!running) {
    const place = jobs.length > 0 ? active.indexOf(jobs[0]) + 1 : 0;
    return {
      ...{ active: false, queued: jobs.length > 0, completed: task?.isOver ?? false },
      ...{ progress: null, eta: null, live_preview: null, id_live_preview: -1 },
      textinfo: place > 0 ? `In queue: ${place}/${active.length}` : 'Waiting...',
    };
  }
  const preview = wantsPreview === false ? undefined : context.previewOf(running.id);
  const isNew = preview !== undefined && numberOf(preview) !== seen;
  const type = preview && isPng(preview) ? 'png' : 'jpeg';
  return {
    ...{ active: true, queued: false, completed: false },
    ...{ progress: running.progress?.share ?? 0, eta: running.progress?.secondsLeft ?? null },
    live_preview: isNew ? `data:image/${type};base64,${Buffer.from(preview).toString('base64')}` : null,
    id_live_preview: isNew ? numberOf(preview) : (seen ?? -1),
    textinfo: running.progress?.text ?? null,
  };
}

export async function pendingTasks(context: StudioContext): Promise<object> {
  const waiting = (await activeJobs(context)).filter(({ state }) => state === 'queued');
  return { size: waiting.length, tasks: waiting.map(({ id }) => taskNameOf(context, id)) };
}

/** Ends what is drawn now, within one step. */
export async function interrupt(context: StudioContext): Promise<void> {
  for (const { id, state } of await activeJobs(context))
    if (state === 'running') await context.supervisor.cancel(id);
}
