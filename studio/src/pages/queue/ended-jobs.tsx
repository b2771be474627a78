/** @file Jobs that ended: what came out, or what went wrong and what helps. */
import { useState } from 'preact/hooks';
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { api, pictureAt } from '../../api/routes.ts';
import { forgetJob, noteJob } from '../../api/state.ts';
import {
  ago,
  Button,
  duration,
  ErrorNote,
  Icon,
  Menu,
  type MenuItem,
  Segments,
  toast,
  toastError,
} from '../../parts/index.ts';
import { kindWords, resultLink, stateWords } from './job-words.ts';
import { act } from './open-job.tsx';

type Which = 'all' | 'done' | 'failed';
const piece = 30;

export function EndedJobs({ jobs }: { readonly jobs: readonly ApiJob[] }) {
  const [which, setWhich] = useState<Which>('all');
  const [most, setMost] = useState(piece);
  const [isEnd, setEnd] = useState(jobs.length < 100);
  const list = jobs.filter(({ state }) => which === 'all' || (which === 'done') === (state === 'done'));
  const more = async (): Promise<void> => {
    setMost(most + piece);
    if (isEnd || list.length > most + piece) return;
    try {
      const page = await api.jobs({ state: 'done,failed,cancelled', offset: jobs.length, limit: 100 });
      page.jobs.forEach(noteJob);
      setEnd(page.jobs.length < 100);
    } catch (fault) {
      toastError(fault);
    }
  };
  return (
    <section class="stack" aria-labelledby="queue-ended">
      <div class="row spread wrap">
        <h2 id="queue-ended">Ended</h2>
        <div class="row">
          <Segments
            label="Which"
            isLabelHidden
            value={which}
            onChange={setWhich}
            options={[
              { value: 'all', label: 'All' },
              { value: 'done', label: 'Done' },
              { value: 'failed', label: 'Not done' },
            ]}
          />
          <Menu
            label="More for ended jobs"
            items={[{ label: 'Clear this list', icon: 'trash', onSelect: () => void clear(list) }]}
          />
        </div>
      </div>
      {list.length === 0 && <p class="soft">None of these.</p>}
      <ul class="job-list">
        {list.slice(0, most).map(job => (
          <EndedJob key={job.id} job={job} />
        ))}
      </ul>
      {(list.length > most || !isEnd) && (
        <div class="row centre">
          <Button onClick={() => void more()}>Show older ones</Button>
        </div>
      )}
    </section>
  );
}

async function clear(list: readonly ApiJob[]): Promise<void> {
  const results = await Promise.allSettled(list.map(({ id }) => api.removeJob(id).then(() => forgetJob(id))));
  const failed = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed) toastError(failed.reason);
  else toast('The list is empty; what the jobs made is still there.');
}

function EndedJob({ job }: { readonly job: ApiJob }) {
  const { id, title, kind, state, startedAt, endedAt, error, artefacts } = job;
  const link = state === 'done' ? resultLink(job) : undefined;
  const took = startedAt && endedAt ? duration((endedAt - startedAt) / 1000) : undefined;
  const pictures = artefacts.filter(({ type }) => type === 'picture' || type === 'sheet').slice(0, 4);
  return (
    <li class={`job-row ended ${state}`}>
      <span class="job-state">
        <Icon name={state === 'done' ? kindWords[kind].icon : state === 'failed' ? 'warning' : 'close'} />
      </span>
      <div class="grow">
        {link ? (
          <a class="job-title" href={link.href} title={link.label}>
            {title}
          </a>
        ) : (
          <span class="job-title">{title}</span>
        )}
        <span class="soft small numbers job-facts">
          {[stateWords[state], kindWords[kind].label, endedAt ? ago(endedAt) : '', took ? `took ${took}` : '']
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      {pictures.length > 0 && (
        <span class="job-pictures">
          {pictures.map(({ name, url }) => (
            <img key={name} class="picture cover small" src={pictureAt(url, '96')} alt="" loading="lazy" />
          ))}
        </span>
      )}
      <Menu label={`More for ${title}`} items={itemsOf(job, link?.href)} />
      {state === 'failed' && error && (
        <div class="job-error">
          <ErrorNote error={error} onRetry={() => act(api.retryJob(id))} />
        </div>
      )}
    </li>
  );
}

function itemsOf(job: ApiJob, href: string | undefined): MenuItem[] {
  const { id, state } = job;
  const open = (path: string): void => {
    location.hash = path;
  };
  return [
    ...(href ? [{ label: 'Show', icon: 'open' as const, onSelect: () => open(href.slice(1)) }] : []),
    ...(state === 'done'
      ? []
      : [{ label: 'Try again', icon: 'retry' as const, onSelect: () => act(api.retryJob(id)) }]),
    { label: 'Log', icon: 'info', onSelect: () => open(`/queue/${id}`) },
    {
      label: 'Remove from the list',
      icon: 'trash',
      onSelect: () => void api.removeJob(id).then(() => forgetJob(id), toastError),
    },
  ];
}
