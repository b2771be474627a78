/** @file What a run said on its way: warnings first, the rest folded. */
import { useEffect } from 'preact/hooks';
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { onEvent } from '../../api/events.ts';
import { api, type JobLogLine } from '../../api/routes.ts';
import { ErrorNote, Finding, useLoaded } from '../../parts/index.ts';

/** Notes come seldom: the log is read again when the run says something new, at most so often. */
const pace = 5000;

export function RunNotes({ id, state }: { readonly id: string; readonly state: ApiJob['state'] }) {
  const { value, error, reload } = useLoaded(() => api.jobLog(id), [id, state]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onEvent('progress', event => {
      if (event.id !== id) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, pace);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [id, reload]);
  const lines = value?.lines ?? [];
  const warnings = [
    ...new Map(lines.filter(({ level }) => level !== 'note').map(line => [line.text, line])).values(),
  ];
  return (
    <section class="stack tight run-notes" aria-labelledby="notes-title">
      <h2 id="notes-title">What it says</h2>
      <ErrorNote error={error} />
      {warnings.map(({ text, at }) => (
        <Finding key={`${at} ${text}`} level="warning">
          {text.replace(/^warning: /, '')}
        </Finding>
      ))}
      {lines.length > 0 && (
        <details>
          <summary class="soft small">The whole log ({lines.length})</summary>
          <ol class="log small">
            {lines.map(line => (
              <LogLine key={`${line.at} ${line.text}`} line={line} />
            ))}
          </ol>
        </details>
      )}
      {value && lines.length === 0 && <p class="soft small">Nothing yet.</p>}
    </section>
  );
}

function LogLine({ line: { at, text } }: { readonly line: JobLogLine }) {
  return (
    <li>
      <time class="soft numbers" dateTime={new Date(at).toISOString()}>
        {new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })}
      </time>{' '}
      {text}
    </li>
  );
}
