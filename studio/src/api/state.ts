/** @file What the whole page knows of the studio, as signals kept true by events. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  ApiJob,
  ApiJobProgress,
  ApiSession,
  ApiSettings,
  ApiStatus,
} from '../../../src/server/api-types.ts';
import { connect, onEvent } from './events.ts';
import { withJob, withoutJob } from './queue-order.ts';
import { api } from './routes.ts';

export const session = signal<ApiSession | undefined>(undefined);
export const status = signal<ApiStatus | undefined>(undefined);
export const settings = signal<ApiSettings | undefined>(undefined);

/** Jobs that the page knows: all that are not ended, and the last ended ones. */
export const jobs = signal<ReadonlyMap<string, ApiJob>>(new Map());
/** Grows with every reset: whoever keeps lists of its own reads them again. */
export const generation = signal(0);
/** Grows when cards change. */
export const libraryChange = signal(0);

const ofState =
  (...states: readonly ApiJob['state'][]) =>
  (): ApiJob[] =>
    [...jobs.value.values()].filter(({ state }) => states.includes(state)).sort(byOrder);

export const runningJobs = computed(ofState('running'));
/** In the order in which they will run. */
export const queuedJobs = computed(ofState('queued'));
export const pausedJobs = computed(ofState('paused'));
/** The newest first. */
export const endedJobs = computed(ofState('done', 'failed', 'cancelled'));

function byOrder(a: ApiJob, b: ApiJob): number {
  if (a.endedAt !== undefined || b.endedAt !== undefined) return (b.endedAt ?? 0) - (a.endedAt ?? 0);
  return (a.position ?? 0) - (b.position ?? 0) || b.priority - a.priority || a.createdAt - b.createdAt;
}

export interface JobPreview {
  readonly name: string;
  readonly url: string;
}
const progresses = new Map<string, Signal<ApiJobProgress | undefined>>();
const previews = new Map<string, Signal<readonly JobPreview[]>>();

/** How far a job is: a signal of its own, so that a step redraws one bar and not a list. */
export function progressOf(id: string): ReadonlySignal<ApiJobProgress | undefined> {
  return kept(progresses, id, () => jobs.peek().get(id)?.progress);
}

/** The newest small pictures of a job, one a name. */
export function previewsOf(id: string): ReadonlySignal<readonly JobPreview[]> {
  return kept(previews, id, () => []);
}

function kept<T>(map: Map<string, Signal<T>>, id: string, first: () => T): Signal<T> {
  const found = map.get(id) ?? signal(first());
  map.set(id, found);
  return found;
}

/** Puts a job that an answer told into the list, without waiting for its event. */
export function noteJob(job: ApiJob): void {
  batch(() => {
    jobs.value = withJob(jobs.peek(), job);
    if (job.progress) kept(progresses, job.id, () => job.progress).value = job.progress;
  });
}

export function forgetJob(id: string): void {
  jobs.value = withoutJob(jobs.peek(), id);
  progresses.delete(id);
  previews.delete(id);
}

async function readAll(): Promise<void> {
  const [open, ended, nowStatus] = await Promise.all([
    api.jobs({ state: 'running,queued,paused', limit: 1000 }),
    api.jobs({ state: 'done,failed,cancelled', limit: 100 }),
    api.status(),
  ]);
  batch(() => {
    jobs.value = new Map([...open.jobs, ...ended.jobs].map(job => [job.id, job]));
    for (const job of open.jobs) kept(progresses, job.id, () => job.progress).value = job.progress;
    status.value = nowStatus;
    generation.value++;
  });
}

let isListening = false;

/** Reads the session and what belongs to it, then follows events. Throws where the token is wrong. */
export async function openState(): Promise<void> {
  const [nowSession, nowSettings] = await Promise.all([api.session(), api.settings()]);
  batch(() => {
    session.value = nowSession;
    settings.value = nowSettings;
  });
  if (!isListening) listen();
  isListening = true;
  connect();
  await readAll();
}

/** Answers to a page: they stand in no list. */
const looks: ReadonlySet<ApiJob['kind']> = new Set(['plan', 'dataset-report']);

function listen(): void {
  onEvent('reset', () => void readAll().catch(() => undefined));
  onEvent('job', ({ job }) => {
    if (!looks.has(job.kind)) noteJob(job);
  });
  onEvent('job-removed', ({ id }) => forgetJob(id));
  onEvent('progress', ({ id, progress }) => {
    kept(progresses, id, () => undefined as ApiJobProgress | undefined).value = progress;
  });
  onEvent('preview', ({ id, name, url }) => {
    const list = kept(previews, id, () => [] as readonly JobPreview[]);
    list.value = [...list.peek().filter(preview => preview.name !== name), { name, url }];
  });
  onEvent('library', ({ isRunning }) => {
    if (!isRunning) libraryChange.value++;
  });
  onEvent('status', event => {
    status.value = event.status;
  });
}
