/** @file One run: as it goes, and what came of it. */
import { useEffect, useMemo } from 'preact/hooks';
import type { ApiJob, ApiWholeJob } from '../../../../src/server/api-types.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { generation, jobs, noteJob, progressOf } from '../../api/state.ts';
import {
  Button,
  ErrorNote,
  LinkButton,
  Progress,
  Spinner,
  toastError,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { trainPath } from '../data/addresses.ts';
import { Finished } from './finished.tsx';
import { LossPlot } from './loss-plot.tsx';
import { Previews } from './previews.tsx';
import { RunFacts } from './run-facts.tsx';
import { RunNotes } from './run-notes.tsx';
import { resultOf } from './run-result.ts';
import { type RowsWatch, watchRows } from './run-rows.ts';
import { verdictOf } from './run-words.ts';

export function RunPage({ id }: { readonly id: string }) {
  const { value: job, error, reload } = useLoaded(stop => api.job(id, stop), [id, generation.value]);
  const watch = useMemo(() => watchRows(id), [id]);
  useEffect(() => () => watch.close(), [watch]);
  useEffect(() => {
    const stops = [
      onEvent('job', event => {
        if (event.job.id === id) reload();
      }),
      // The card of what was written is there a moment later.
      onEvent('library', ({ isRunning }) => !isRunning && reload()),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [id, reload]);
  if (!job)
    return (
      <div class="page">
        <PageHead title="Run" text={<a href="#/train">All runs</a>} />
        {error ? <ErrorNote error={error} onRetry={reload} /> : <Spinner />}
      </div>
    );
  const live = jobs.value.get(id);
  return <Run job={live ? { ...job, ...live, artefacts: job.artefacts } : job} watch={watch} />;
}

const stateTexts: Readonly<Record<ApiJob['state'], string>> = {
  queued: 'waiting in the queue',
  running: 'training',
  paused: 'paused, its state is saved',
  done: 'finished',
  failed: 'ended with a fault',
  cancelled: 'stopped, its state is saved',
};

function stateText({ state, asked }: ApiJob): string {
  if (state !== 'running' || !asked) return stateTexts[state];
  return asked === 'pause' ? 'finishing this step, then pausing' : 'finishing this step, then stopping';
}

function Run({ job, watch }: { readonly job: ApiWholeJob; readonly watch: RowsWatch }) {
  const rows = watch.rows.value;
  const isDone = job.state === 'done';
  return (
    <div class="page run-page">
      <PageHead
        title={job.title}
        text={
          <>
            <a href="#/train">All runs</a> · {stateText(job)}
          </>
        }
      >
        <Actions job={job} />
      </PageHead>
      <div class="stack loose">
        {job.state === 'failed' && (
          <ErrorNote error={job.error} onRetry={() => void act(() => api.retryJob(job.id))} />
        )}
        {isDone ? <Finished job={job} rows={rows} /> : <Going job={job} />}
        <div class="run-body">
          <div class="stack loose run-main">
            {rows.steps.length > 0 ? (
              <LossPlot rows={rows} />
            ) : (
              <p class="plot-place soft small">The curve of the loss begins with the first step.</p>
            )}
            <Verdict job={job} watch={watch} />
          </div>
          <div class="run-previews">
            <Previews rows={rows} isEnded={isDone} />
          </div>
        </div>
        <div class="run-foot">
          <RunFacts job={job} rows={rows} />
          <RunNotes id={job.id} state={job.state} />
        </div>
        <ErrorNote error={watch.error.value} />
      </div>
    </div>
  );
}

const act = (call: () => Promise<ApiJob>): Promise<void> => call().then(noteJob, toastError);

function Actions({ job }: { readonly job: ApiWholeJob }) {
  const { id, state, asked } = job;
  const again = (): void => go(trainPath(undefined, { from: id }));
  if (state === 'done')
    return (
      <Button icon="retry" onClick={again}>
        Train again
      </Button>
    );
  if (state === 'failed' || state === 'cancelled')
    return (
      <>
        <Button onClick={again}>New run like this</Button>
        <Button kind="primary" icon="play" onClick={() => void act(() => api.retryJob(id))}>
          {state === 'cancelled' ? 'Go on' : 'Try again'}
        </Button>
      </>
    );
  return (
    <>
      {state === 'paused' ? (
        <Button kind="primary" icon="play" onClick={() => void act(() => api.resumeJob(id))}>
          Resume
        </Button>
      ) : (
        <Button icon="pause" disabled={asked !== undefined} onClick={() => void act(() => api.pauseJob(id))}>
          Pause
        </Button>
      )}
      <Button
        icon="stop"
        disabled={asked === 'cancel'}
        title="Finishes this step and saves; it can go on later"
        onClick={() => void act(() => api.cancelJob(id))}
      >
        Stop
      </Button>
    </>
  );
}

/** How far it is. */
function Going({ job }: { readonly job: ApiWholeJob }) {
  const progress = progressOf(job.id).value ?? job.progress;
  if (job.state === 'queued')
    return (
      <div class="panel row spread wrap">
        <p>
          {job.position && job.position > 1
            ? `Number ${job.position} in the queue.`
            : 'It begins in a moment.'}
        </p>
        <LinkButton kind="quiet" href="#/queue">
          Open the queue
        </LinkButton>
      </div>
    );
  if (!progress) return <Progress label={job.title} share={undefined} text="starting" />;
  const share = progress.share > 0 ? progress.share : undefined;
  return (
    <div class="run-progress">
      <Progress
        label={`Training ${job.title}`}
        share={job.state === 'running' ? share : progress.share}
        text={progress.text}
        secondsLeft={job.state === 'running' ? progress.secondsLeft : undefined}
      />
    </div>
  );
}

function Verdict({ job, watch }: { readonly job: ApiWholeJob; readonly watch: RowsWatch }) {
  const { validations, steps } = watch.rows.value;
  if (steps.length === 0) return null;
  const patience = Number(resultOf(job)?.recipe?.patience ?? 0) || plannedPatience(job);
  const isEnded = job.state === 'done' || job.state === 'cancelled' || job.state === 'failed';
  const { tone, title, text } = verdictOf({ validations, patience, isEnded });
  return (
    <div class={`verdict ${tone}`} role="status">
      <h2>{title}</h2>
      <p>{text}</p>
    </div>
  );
}

/** Until the run tells its recipe: what goals choose. */
function plannedPatience({ payload }: ApiWholeJob): number {
  const { recipe = {}, goal } = payload as { recipe?: Record<string, unknown>; goal?: string };
  return typeof recipe.patience === 'number' ? recipe.patience : goal ? 5 : 0;
}
