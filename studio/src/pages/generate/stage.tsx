/** @file The stage: what is being drawn, what was drawn, or how to begin. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiJob, ApiPicture } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { jobs, noteJob, previewsOf, progressOf, queuedJobs } from '../../api/state.ts';
import {
  Button,
  EmptyState,
  ErrorNote,
  Icon,
  LinkButton,
  Progress,
  toastError,
  useLoaded,
} from '../../parts/index.ts';
import { change, form } from './form.ts';
import { pictures } from './history.ts';
import { PictureView } from './picture-view.tsx';
import { draw, shown } from './runs.ts';

export function Stage() {
  const { value } = shown;
  if (value.kind === 'job') return <RunView key={value.id} id={value.id} />;
  if (value.kind === 'picture') return <PictureView key={value.id} id={value.id} />;
  const newest = pictures.value[0];
  if (newest) return <PictureView key={newest.id} id={newest.id} />;
  return <Welcome />;
}

function Welcome() {
  const isEmpty = form.value.prompt.trim() === '';
  const example = 'a green frog at night';
  return (
    <div class="stage-box">
      <EmptyState
        icon="generate"
        title="Your pictures appear here"
        text="Write what is to be seen, then draw. The small model that is built in knows simple things in colours and places."
      >
        <Button
          kind={isEmpty ? 'primary' : 'plain'}
          onClick={() => {
            if (isEmpty) change({ prompt: example });
            void draw();
          }}
        >
          {isEmpty ? `Draw “${example}”` : 'Draw'}
        </Button>
        <LinkButton href="#/data" icon="train">
          Teach it something new
        </LinkButton>
      </EmptyState>
    </div>
  );
}

/** A job from waiting to its pictures. */
function RunView({ id }: { readonly id: string }) {
  const known = jobs.value.get(id);
  useEffect(() => {
    if (!known) api.job(id).then(noteJob, toastError);
  }, [known, id]);
  if (!known) return <div class="stage-box" />;
  if (known.state === 'done') return <DoneView job={known} />;
  if (known.state === 'failed' || known.state === 'cancelled') return <EndedView job={known} />;
  return <OpenView job={known} />;
}

function OpenView({ job }: { readonly job: ApiJob }) {
  const progress = progressOf(job.id).value;
  const previews = previewsOf(job.id).value;
  const isRunning = job.state === 'running';
  const before = job.position === undefined ? 0 : Math.min(job.position - 1, queuedJobs.value.length);
  const { width, height } = form.value;
  const words = isRunning
    ? (progress?.text ?? 'preparing')
    : job.state === 'paused'
      ? 'Paused'
      : before > 0
        ? `Waiting, ${before} before it`
        : 'Waiting';
  return (
    <div class="stage-box">
      <div class={`stage-pictures ${previews.length > 1 ? 'several' : ''}`}>
        {previews.length > 0 ? (
          previews.map(({ name, url }) => (
            <img key={name} class="stage-preview" src={url} alt="How far it is" />
          ))
        ) : (
          <span class="stage-blank" style={{ aspectRatio: `${width} / ${height}` }}>
            <Icon name="generate" size={32} />
          </span>
        )}
      </div>
      <div class="stage-foot">
        <div class="grow">
          <Progress
            label={job.title}
            share={isRunning ? progress?.share || undefined : 0}
            text={words}
            secondsLeft={isRunning ? progress?.secondsLeft : undefined}
          />
        </div>
        <Button
          icon="close"
          isBusy={job.asked === 'cancel'}
          onClick={() => void api.cancelJob(job.id).then(noteJob, toastError)}
        >
          Cancel
        </Button>
      </div>
    </div>
  );
}

function EndedView({ job }: { readonly job: ApiJob }) {
  return (
    <div class="stage-box">
      <div class="stage-message">
        {job.state === 'failed' ? (
          <ErrorNote
            error={job.error ?? { message: 'The picture could not be drawn' }}
            onRetry={() => void api.retryJob(job.id).then(noteJob, toastError)}
          />
        ) : (
          <EmptyState icon="close" title="Cancelled" text="Nothing was drawn.">
            <Button icon="retry" onClick={() => void api.retryJob(job.id).then(noteJob, toastError)}>
              Draw it after all
            </Button>
          </EmptyState>
        )}
      </div>
    </div>
  );
}

/** The pictures of a run: one large, the others below it. */
function DoneView({ job }: { readonly job: ApiJob }) {
  const ids = job.artefacts.flatMap(({ pictureId }) => pictureId ?? []);
  const [chosen, setChosen] = useState(ids[0]);
  const { value, error } = useLoaded(
    signal => api.pictures({ jobId: job.id, limit: 100 }, signal),
    [job.id, ids.length],
  );
  const list = inOrder(value?.pictures ?? [], ids);
  const current = chosen && ids.includes(chosen) ? chosen : (ids[0] ?? list[0]?.id);
  if (error !== undefined) return <ErrorNote error={error} />;
  if (!current) return <EmptyState icon="picture" title="No picture is left of this run" />;
  return (
    <>
      <PictureView key={current} id={current} />
      {list.length > 1 && (
        <fieldset class="run-strip" aria-label="Pictures of this run">
          {list.map((picture, i) => (
            <button
              key={picture.id}
              type="button"
              class="run-thumb"
              aria-pressed={picture.id === current}
              aria-label={`Picture ${i + 1} of ${list.length}`}
              onClick={() => setChosen(picture.id)}
            >
              <img
                class={`picture cover ${picture.width <= 128 ? 'small' : ''}`}
                src={`${picture.url}${picture.url.includes('?') ? '&' : '?'}size=96`}
                alt=""
              />
            </button>
          ))}
        </fieldset>
      )}
    </>
  );
}

const inOrder = (list: readonly ApiPicture[], ids: readonly string[]): ApiPicture[] =>
  [...list].sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
