/** @file Queue: what runs, what waits and in which order, what ended and how. */
import { useState } from 'preact/hooks';
import { api } from '../../api/routes.ts';
import { endedJobs, pausedJobs, queuedJobs, runningJobs, status } from '../../api/state.ts';
import type { PageProps } from '../../pages.ts';
import { Button, EmptyState, Finding, LinkButton, toastError } from '../../parts/index.ts';
import { PageHead } from '../../shell/page-head.tsx';
import { EndedJobs } from './ended-jobs.tsx';
import { JobDialog } from './job-dialog.tsx';
import { PausedJob, RunningJob } from './open-job.tsx';
import { WaitingList } from './waiting-list.tsx';
import './queue.css';

export function Page({ rest }: PageProps) {
  const [opened] = rest;
  const [running, waiting, paused, ended] = [
    runningJobs.value,
    queuedJobs.value,
    pausedJobs.value,
    endedJobs.value,
  ];
  const isEmpty = running.length + waiting.length + paused.length + ended.length === 0;
  return (
    <div class="page narrow queue">
      <PageHead title="Queue" text={summary(running.length, waiting.length, paused.length)}>
        {!isEmpty && <PauseQueue />}
      </PageHead>
      {isEmpty ? (
        <EmptyState
          icon="queue"
          title="Nothing to do"
          text="Pictures, trainings and comparisons wait here for their turn. They survive a restart of the studio."
        >
          <LinkButton href="#/generate" icon="generate">
            Generate
          </LinkButton>
          <LinkButton href="#/train" icon="train">
            Train
          </LinkButton>
        </EmptyState>
      ) : (
        <div class="stack loose">
          {status.value?.queue.isPaused && (
            <Finding level="warning">The queue is paused: nothing new begins until it goes on.</Finding>
          )}
          {running.length > 0 && (
            <section class="stack" aria-labelledby="queue-running">
              <h2 id="queue-running">Running</h2>
              {running.map(job => (
                <RunningJob key={job.id} job={job} />
              ))}
            </section>
          )}
          {waiting.length > 0 && (
            <section class="stack" aria-labelledby="queue-waiting">
              <h2 id="queue-waiting">Waiting</h2>
              <WaitingList jobs={waiting} />
            </section>
          )}
          {paused.length > 0 && (
            <section class="stack" aria-labelledby="queue-paused">
              <h2 id="queue-paused">Paused</h2>
              <ul class="job-list">
                {paused.map(job => (
                  <PausedJob key={job.id} job={job} />
                ))}
              </ul>
            </section>
          )}
          {ended.length > 0 && <EndedJobs jobs={ended} />}
        </div>
      )}
      {opened && <JobDialog id={opened} />}
    </div>
  );
}

function summary(running: number, waiting: number, paused: number): string {
  const words = [
    running > 0 ? `${running} running` : '',
    waiting > 0 ? `${waiting} waiting` : '',
    paused > 0 ? `${paused} paused` : '',
  ].filter(Boolean);
  return words.length > 0 ? words.join(', ') : 'Nothing runs';
}

function PauseQueue() {
  const [isBusy, setBusy] = useState(false);
  const isPaused = status.value?.queue.isPaused ?? false;
  const press = async (): Promise<void> => {
    setBusy(true);
    try {
      await (isPaused ? api.resumeQueue() : api.pauseQueue());
      status.value = await api.status();
    } catch (fault) {
      toastError(fault);
    }
    setBusy(false);
  };
  return (
    <Button icon={isPaused ? 'play' : 'pause'} isBusy={isBusy} onClick={() => void press()}>
      {isPaused ? 'Go on' : 'Pause the queue'}
    </Button>
  );
}
