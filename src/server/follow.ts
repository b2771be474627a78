/** @file From the queue and the supervisor to everybody who listens: what changed, how far it is, what came out. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobProgress } from '../jobs/index.ts';
import { isKeptInHistory, jobKinds } from '../jobs/index.ts';
import { apiJob, apiPicture, previewUrl, statusOf } from './api/index.ts';
import type { StudioContext } from './context.ts';
import { showTrained } from './trained-preview.ts';

/** Progress of one job is told so often; what came in between is passed over, the last one is not. */
const progressEveryMs = 250;

/** The newest progress of each job, a few times a second. */
function openProgress({ tell }: StudioContext): {
  set(id: string, progress: JobProgress): void;
  /** It is over: what was not told yet is not told any more. */
  forget(id: string): void;
  stop(): void;
} {
  const waiting = new Map<string, JobProgress>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    for (const [id, progress] of waiting) tell('progress', { id, progress: { ...progress } as never });
    timer = waiting.size > 0 ? setTimeout(flush, progressEveryMs) : undefined;
    waiting.clear();
  };
  return {
    set(id, progress) {
      waiting.set(id, progress);
      if (!timer) flush();
    },
    forget: id => waiting.delete(id),
    stop: () => clearTimeout(timer),
  };
}

/** Pictures that a job made come into the history. */
async function takePictures({ pictures, tell }: StudioContext, job: Job): Promise<void> {
  for (const { type, path } of job.artefacts) {
    if (type !== 'picture') continue;
    const picture = await pictures.add(path, job.id);
    if (picture) tell('picture', { picture: apiPicture(picture) });
  }
}

/** LoRAs and checkpoints come into the library, which may take a while where it is large. */
async function takeModels(context: StudioContext, job: Job): Promise<void> {
  const { scans, tell } = context;
  if (!job.artefacts.some(({ type }) => type === 'lora' || type === 'checkpoint')) return;
  await scans.scan();
  await showTrained(context, job);
  tell('library', scans.state());
}

/** Begins; returns what ends it. */
export function followStudio(context: StudioContext): () => Promise<void> {
  const { queue, supervisor, tell, log } = context;
  const stopping = new AbortController();
  const progress = openProgress(context);
  let previews = 0;
  /** Of the last job: what is taken in goes one after the other. */
  let taking: Promise<void> = Promise.resolve();
  const orWarn = (job: Job, work: Promise<void>): Promise<void> =>
    work.catch(error =>
      log.warn({ job: job.id, error: String(error) }, 'what a job made could not be taken in'),
    );
  const follow = async (): Promise<void> => {
    for await (const { type, job } of queue.watch({}, stopping.signal)) {
      if (type === 'progress') continue; // the supervisor tells it sooner
      if (type === 'removed') {
        tell('job-removed', { id: job.id });
        continue;
      }
      if (job.state !== 'running') progress.forget(job.id);
      if (job.state === 'done' && isKeptInHistory(job.payload)) {
        await orWarn(job, takePictures(context, job));
        taking = taking.then(() => orWarn(job, takeModels(context, job)));
      }
      if (job.state === 'failed') log.warn({ job: job.id, kind: job.kind, ...job.error }, 'a job failed');
      if (jobKinds[job.kind].isListed || job.state !== 'running') tell('job', { job: apiJob(job, context) });
    }
  };
  /** Who lagged too far behind begins anew, and so does everybody who listens. */
  const goOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ error: String(error) }, 'the queue is followed anew');
        tell('reset', { reason: 'missed' });
        await sleep(1000);
      }
    }
  };
  const following = goOn();
  supervisor.events.on('progress', progress.set);
  supervisor.events.on('preview', (id, name) => {
    tell('preview', { id, name, url: previewUrl(id, name, ++previews) });
  });
  supervisor.events.on('status', () => {
    void statusOf(context)
      .then(status => tell('status', { status }))
      .catch(error => log.warn({ error: String(error) }, 'the status could not be told'));
  });
  return async () => {
    stopping.abort();
    progress.stop();
    supervisor.events.removeAllListeners('progress');
    supervisor.events.removeAllListeners('preview');
    supervisor.events.removeAllListeners('status');
    await following;
    await taking;
  };
}
