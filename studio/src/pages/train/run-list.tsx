/** @file All runs: how they stand, how good they got; some can be laid side by side. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { generation, jobs, progressOf } from '../../api/state.ts';
import {
  ago,
  Button,
  EmptyState,
  ErrorNote,
  LinkButton,
  Picture,
  Progress,
  Spinner,
  useLoaded,
} from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { go } from '../../shell/router.ts';
import { runPath, trainPath } from '../data/addresses.ts';
import { stripsOf } from './run-series.ts';

/** As many as a plot can tell apart. */
const mostCompared = 5;
/** Rows that show what the run drew. */
const mostPictures = 20;

export function RunList() {
  const { value, error, reload } = useLoaded(
    () => api.jobs({ kind: 'train', limit: 200 }),
    [generation.value],
  );
  const chosen = useSignal<readonly string[]>([]);
  useEffect(() => {
    const stops = [
      onEvent('job', ({ job }) => job.kind === 'train' && reload()),
      onEvent('job-removed', () => reload()),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [reload]);
  const runs = (value?.jobs ?? []).map(job => jobs.value.get(job.id) ?? job);
  const toggle = (id: string): void => {
    const old = chosen.value;
    chosen.value = old.includes(id) ? old.filter(one => one !== id) : [...old, id].slice(-mostCompared);
  };
  return (
    <div class="page">
      <PageHead title="Train" text="LoRAs that are being trained, and those that were.">
        {chosen.value.length > 1 && (
          <Button icon="compare" onClick={() => go(`/train?compare=${chosen.value.join(',')}`)}>
            Compare {chosen.value.length} runs
          </Button>
        )}
        <LinkButton kind="primary" icon="add" href={`#${trainPath()}`}>
          New run
        </LinkButton>
      </PageHead>
      <ErrorNote error={error} onRetry={reload} />
      {!value && !error && <Spinner label="Reading runs" />}
      {value && runs.length === 0 && (
        <EmptyState
          icon="train"
          title="Nothing was trained yet"
          text="Begin with an example: it takes about a minute, and you see what it learns as it learns it."
        >
          <LinkButton kind="primary" icon="train" href={`#${trainPath('example:blueprint-style')}`}>
            Train the example
          </LinkButton>
          <LinkButton href="#/data">Bring your own pictures</LinkButton>
        </EmptyState>
      )}
      {runs.length > 0 && (
        <ul class="runs" aria-label="Runs">
          {runs.map((job, i) => (
            <RunRow
              key={job.id}
              job={job}
              hasPicture={i < mostPictures}
              isChosen={chosen.value.includes(job.id)}
              onToggle={() => toggle(job.id)}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

const stateNames: Readonly<Record<ApiJob['state'], string>> = {
  ...{ queued: 'waiting', running: 'training', paused: 'paused' },
  ...{ done: 'finished', failed: 'fault', cancelled: 'stopped' },
};

/** What it drew last. */
function RunPicture({ id }: { readonly id: string }) {
  const { value } = useLoaded(stop => api.trainingRows(id, { after: 0, most: 2 }, stop), [id]);
  const last = stripsOf(value?.previews ?? [])[0]?.pictures.at(-1);
  if (!last) return <span class="run-picture" />;
  return (
    <span class="run-picture">
      <Picture url={last.url} alt="" size="96" />
    </span>
  );
}

function RunRow({
  job,
  hasPicture,
  isChosen,
  onToggle,
}: {
  readonly job: ApiJob;
  readonly hasPicture: boolean;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}) {
  const { id, title, state, createdAt, endedAt, error } = job;
  return (
    <li class="run-row">
      <input
        type="checkbox"
        class="run-check"
        checked={isChosen}
        onChange={onToggle}
        aria-label={`Compare ${title}`}
      />
      <a class="run-open" href={`#${runPath(id)}`}>
        {hasPicture && <RunPicture id={id} />}
        <span class="run-name">{title}</span>
        <span class={`run-state ${state}`}>{stateNames[state]}</span>
        <span class="soft small run-when">{ago(endedAt ?? createdAt)}</span>
      </a>
      {(state === 'running' || state === 'paused') && <RowProgress job={job} />}
      {state === 'failed' && error && <p class="small fault">{error.message}</p>}
    </li>
  );
}

function RowProgress({ job }: { readonly job: ApiJob }) {
  const progress = progressOf(job.id).value ?? job.progress;
  return (
    <div class="run-row-progress">
      <Progress
        label={job.title}
        share={progress?.share}
        text={progress?.text}
        secondsLeft={progress?.secondsLeft}
        isSlim
        isQuiet
      />
    </div>
  );
}
