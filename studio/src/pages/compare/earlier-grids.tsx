/** @file Grids that were drawn before, and those that wait. */
import { api } from '../../api/routes.ts';
import { jobs } from '../../api/state.ts';
import { ago, ErrorNote, Icon, Picture, useLoaded } from '../../parts/index.ts';

const words = {
  queued: 'waits',
  running: 'is drawn now',
  paused: 'paused',
  failed: 'failed',
  cancelled: 'cancelled',
};

export function EarlierGrids() {
  const own = [...jobs.value.values()].filter(({ kind }) => kind === 'compare');
  const turn = own.map(({ id, state }) => id + state).join();
  const { value, error } = useLoaded(signal => api.jobs({ kind: 'compare', limit: 60 }, signal), [turn]);
  if (error !== undefined) return <ErrorNote error={error} />;
  if (!value || value.jobs.length === 0) return null;
  return (
    <section class="earlier" aria-labelledby="earlier">
      <h2 id="earlier">Grids</h2>
      <ul class="earlier-list">
        {value.jobs.map(job => {
          const sheet = job.artefacts.find(({ type }) => type === 'sheet');
          return (
            <li key={job.id}>
              <a class="earlier-grid" href={`#/compare/${job.id}`}>
                <span class="earlier-picture">
                  {sheet ? <Picture url={sheet.url} alt="" size="320" /> : <Icon name="compare" size={28} />}
                </span>
                <span class="earlier-title">{job.title}</span>
                <span class="small soft">
                  {job.state === 'done' ? ago(job.endedAt ?? job.createdAt) : words[job.state]}
                </span>
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
