/** @file The queue in one small box: what runs, how far it is, how much waits. Leads to the queue. */
import { pausedJobs, progressOf, queuedJobs, runningJobs, status } from '../api/state.ts';
import { count, Progress } from '../parts/index.ts';

export function QueueStatus() {
  const [first] = runningJobs.value;
  const waits = queuedJobs.value.length;
  const rests = pausedJobs.value.length;
  const isPaused = status.value?.queue.isPaused ?? false;
  const others = [
    waits > 0 ? `${waits} waiting` : '',
    rests > 0 ? `${rests} paused` : '',
    isPaused && first ? 'queue paused' : '',
  ].filter(Boolean);
  if (!first && others.length === 0) return null;
  return (
    <a class="queue-status stack tight" href="#/queue">
      <span class="aside-text">Queue: </span>
      {first ? (
        <Running id={first.id} title={first.title} />
      ) : (
        <span>{isPaused ? 'Queue paused' : waits > 0 ? 'Starting …' : 'Nothing runs'}</span>
      )}
      {others.length > 0 && <span class="soft">{others.join(', ')}</span>}
    </a>
  );
}

function Running({ id, title }: { readonly id: string; readonly title: string }) {
  const progress = progressOf(id).value;
  return (
    <>
      <span class="title">{title}</span>
      <Progress label={title} share={progress?.share} secondsLeft={progress?.secondsLeft} isQuiet isSlim />
    </>
  );
}

/** For the head of lists. */
export const queueWords = (): string =>
  count(runningJobs.value.length + queuedJobs.value.length + pausedJobs.value.length, 'open job');
