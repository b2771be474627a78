/** @file A job that runs, and one that rests. */
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { noteJob, previewsOf, progressOf } from '../../api/state.ts';
import { ago, Button, Icon, IconButton, Progress, toastError } from '../../parts/index.ts';
import { kindWords } from './job-words.ts';

/** Asks for something and shows the answer at once. */
export const act = (asked: Promise<ApiJob>): void => void asked.then(noteJob, toastError);

export function RunningJob({ job }: { readonly job: ApiJob }) {
  const { id, title, kind, asked, startedAt } = job;
  const progress = progressOf(id).value;
  const [preview] = previewsOf(id).value;
  const { label, icon } = kindWords[kind];
  return (
    <article class="panel running-job" aria-label={title}>
      <div class="running-preview">
        {preview ? (
          <img class="picture contain small" src={preview.url} alt="" />
        ) : (
          <Icon name={icon} size={28} />
        )}
      </div>
      <div class="stack tight grow">
        <div class="row spread">
          <h3 class="job-title">{title}</h3>
          <span class="soft small numbers">
            {label}
            {startedAt ? `, began ${ago(startedAt)}` : ''}
          </span>
        </div>
        <Progress
          label={title}
          share={progress?.share}
          text={asked === 'cancel' ? 'Stopping' : asked === 'pause' ? 'Saving, then pausing' : progress?.text}
          secondsLeft={asked ? undefined : progress?.secondsLeft}
        />
        <div class="row wrap">
          {kind === 'train' && (
            <a class="button quiet small" href={`#/train/${id}`}>
              Watch
            </a>
          )}
          <Button
            size="small"
            icon="pause"
            isBusy={asked === 'pause'}
            disabled={asked === 'cancel'}
            onClick={() => act(api.pauseJob(id))}
          >
            Pause
          </Button>
          <Button
            size="small"
            icon="close"
            isBusy={asked === 'cancel'}
            onClick={() => act(api.cancelJob(id))}
          >
            Cancel
          </Button>
          <IconButton
            size="small"
            icon="info"
            label={`Log of ${title}`}
            onClick={() => {
              location.hash = `/queue/${id}`;
            }}
          />
        </div>
      </div>
    </article>
  );
}

export function PausedJob({ job }: { readonly job: ApiJob }) {
  const { id, title, kind, progress } = job;
  return (
    <li class="job-row">
      <Icon name={kindWords[kind].icon} />
      <div class="grow">
        <span class="job-title">{title}</span>
        <span class="soft small numbers job-facts">
          {kindWords[kind].label}
          {progress ? `, ${Math.round(progress.share * 100)} % done` : ''}
        </span>
      </div>
      <Button size="small" icon="play" onClick={() => act(api.resumeJob(id))}>
        Go on
      </Button>
      <IconButton
        size="small"
        icon="close"
        label={`Cancel ${title}`}
        onClick={() => act(api.cancelJob(id))}
      />
    </li>
  );
}
