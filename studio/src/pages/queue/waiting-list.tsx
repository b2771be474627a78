/** @file Jobs that wait, in their order: moved by dragging the handle, by the handle's arrow keys, or from a menu. */
import { useRef, useState } from 'preact/hooks';
import type { ApiJob, ApiJobMove } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { ago, Icon, Menu, toastError } from '../../parts/index.ts';
import { kindWords, priorityLabel, priorityWords } from './job-words.ts';
import { act } from './open-job.tsx';

export function WaitingList({ jobs }: { readonly jobs: readonly ApiJob[] }) {
  const list = useRef<HTMLUListElement>(null);
  const [order, setOrder] = useState<readonly string[] | undefined>();
  const [held, setHeld] = useState<string | undefined>();
  const [said, setSaid] = useState('');
  const shown = order ? inOrder(jobs, order) : jobs;
  const ids = shown.map(({ id }) => id);

  const move = async (job: ApiJob, to: ApiJobMove['to'], words: string): Promise<void> => {
    try {
      await api.moveJob(job.id, to);
      setSaid(`${job.title}: ${words}`);
    } catch (fault) {
      toastError(fault);
    }
    setOrder(undefined);
  };
  const moveTo = (job: ApiJob, index: number): void => {
    const rest = ids.filter(id => id !== job.id);
    const at = Math.max(0, Math.min(rest.length, index));
    setOrder([...rest.slice(0, at), job.id, ...rest.slice(at)]);
    const after = rest[at - 1];
    const before = rest[at];
    const to = after ? { after } : before ? { before } : undefined;
    if (to) void move(job, to, `place ${at + 1} of ${ids.length}`);
  };

  const grab = (event: PointerEvent, job: ApiJob): void => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    setHeld(job.id);
    let next = ids;
    const follow = (moved: PointerEvent): void => {
      const rest = next.filter(id => id !== job.id);
      const at = rest.filter(id => middleOf(list.current, id) < moved.clientY).length;
      next = [...rest.slice(0, at), job.id, ...rest.slice(at)];
      setOrder(next);
    };
    const drop = (): void => {
      handle.removeEventListener('pointermove', follow);
      handle.removeEventListener('pointerup', drop);
      handle.removeEventListener('pointercancel', drop);
      setHeld(undefined);
      const at = next.indexOf(job.id);
      if (at === ids.indexOf(job.id)) setOrder(undefined);
      else moveTo(job, at);
    };
    handle.addEventListener('pointermove', follow);
    handle.addEventListener('pointerup', drop);
    handle.addEventListener('pointercancel', drop);
  };

  return (
    <>
      <ul class="job-list" ref={list}>
        {shown.map((job, index) => (
          <li key={job.id} class={`job-row ${held === job.id ? 'held' : ''}`} data-job={job.id}>
            <button
              type="button"
              class="grip"
              aria-label={`Move ${job.title}: place ${index + 1} of ${ids.length}, arrow keys move it`}
              title="Drag, or use the arrow keys"
              onPointerDown={event => grab(event, job)}
              onKeyDown={event => {
                const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
                if (!step) return;
                event.preventDefault();
                moveTo(job, index + step);
              }}
            >
              <Icon name="grip" />
            </button>
            <Icon name={kindWords[job.kind].icon} />
            <div class="grow">
              <span class="job-title">{job.title}</span>
              <span class="soft small job-facts">
                {[
                  kindWords[job.kind].label,
                  priorityLabel(job.priority),
                  ago(job.createdAt),
                  job.after.length > 0 ? 'waits for another' : '',
                  job.attempt > 0 ? 'begun before' : '',
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </div>
            <Menu label={`More for ${job.title}`} items={itemsOf(job, move)} />
          </li>
        ))}
      </ul>
      <span class="aside-text" role="status">
        {said}
      </span>
    </>
  );
}

function itemsOf(job: ApiJob, move: (job: ApiJob, to: ApiJobMove['to'], words: string) => Promise<void>) {
  return [
    {
      label: 'Next',
      icon: 'first' as const,
      onSelect: () => void move(job, 'first', 'first of its priority'),
    },
    ...priorityWords
      .filter(({ value }) => value !== job.priority)
      .map(({ value, label }) => ({
        label: `Priority: ${label.toLowerCase()}`,
        icon: 'swap' as const,
        onSelect: () => void move(job, { priority: value }, label),
      })),
    { label: 'Pause', icon: 'pause' as const, onSelect: () => act(api.pauseJob(job.id)) },
    {
      label: 'Log',
      icon: 'info' as const,
      onSelect: () => {
        location.hash = `/queue/${job.id}`;
      },
    },
    { label: 'Cancel', icon: 'close' as const, isDanger: true, onSelect: () => act(api.cancelJob(job.id)) },
  ];
}

const inOrder = (jobs: readonly ApiJob[], order: readonly string[]): ApiJob[] =>
  [...jobs].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));

function middleOf(list: HTMLElement | null, id: string): number {
  const box = list?.querySelector(`[data-job="${CSS.escape(id)}"]`)?.getBoundingClientRect();
  return box ? box.top + box.height / 2 : 0;
}
