/** @file All of a job: its state, what it made, what it said, what it was given. */
import type { ApiWholeJob } from '../../../../src/server/api-types.ts';
import { api, artefactDownload } from '../../api/routes.ts';
import { jobs } from '../../api/state.ts';
import {
  ago,
  bytes,
  Dialog,
  duration,
  ErrorNote,
  Icon,
  Section,
  Spinner,
  useLoaded,
} from '../../parts/index.ts';
import { kindWords, priorityLabel, stateWords } from './job-words.ts';

export function JobDialog({ id }: { readonly id: string }) {
  const state = jobs.value.get(id)?.state;
  const { value: job, error, reload } = useLoaded(signal => api.job(id, signal), [id, state]);
  const close = (): void => {
    location.hash = '/queue';
  };
  return (
    <Dialog title={job?.title ?? 'Job'} size="wide" onClose={close}>
      {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
      {job ? <JobFacts job={job} /> : error === undefined && <Spinner label="Reading the job" />}
    </Dialog>
  );
}

function JobFacts({ job }: { readonly job: ApiWholeJob }) {
  const { startedAt, endedAt, createdAt, attempt, error, artefacts, payload } = job;
  const facts = [
    ['State', stateWords[job.state]],
    ['Kind', kindWords[job.kind].label],
    ['Priority', priorityLabel(job.priority)],
    ['Asked for', ago(createdAt)],
    ['Took', startedAt && endedAt ? duration((endedAt - startedAt) / 1000) : ''],
    ['Attempts', attempt > 1 ? String(attempt) : ''],
  ].filter(([, value]) => value);
  return (
    <div class="stack">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="numbers">{value}</dd>
          </div>
        ))}
      </dl>
      {error && <ErrorNote error={error} />}
      {artefacts.length > 0 && (
        <ul class="stack tight">
          {artefacts.map(artefact => (
            <li key={artefact.name}>
              <a class="row" href={artefactDownload(artefact)} download={artefact.fileName}>
                <Icon name="download" size={18} />
                <span>{artefact.fileName}</span>
                <span class="soft small numbers">{bytes(artefact.bytes)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <Log id={job.id} state={job.state} />
      <Section title="What it was given">
        <pre class="log">{JSON.stringify(payload, null, 2)}</pre>
      </Section>
    </div>
  );
}

function Log({ id, state }: { readonly id: string; readonly state: string }) {
  const { value, error } = useLoaded(() => api.jobLog(id), [id, state]);
  if (error !== undefined) return <ErrorNote error={error} />;
  if (!value) return <Spinner label="Reading the log" />;
  return (
    <section class="stack tight" aria-label="Log">
      <h3>Log</h3>
      {value.lines.length === 0 ? (
        <p class="soft small">It said nothing.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it
        <div class="log" tabIndex={0} role="log" aria-live="off" aria-label="Lines of the log">
          {value.lines.map((line, i) => (
            <div key={`${line.at}-${i}`} class={`log-line ${line.level}`}>
              <time class="numbers">{new Date(line.at).toLocaleTimeString()}</time>
              <span>{line.text}</span>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}
