/** @file Tasks by the ids that clients give them (`force_task_id`), so that they can ask how far theirs is. */
import type { JobId } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';

interface Task {
  ids: readonly JobId[];
  isOver: boolean;
}

/** Ended ones that are remembered, as many as A1111 does. */
const mostEnded = 16;

const tasks = new WeakMap<StudioContext, Map<string, Task>>();

function tasksOf(context: StudioContext): Map<string, Task> {
  const known = tasks.get(context) ?? new Map<string, Task>();
  tasks.set(context, known);
  return known;
}

export interface OpenTask {
  jobs(ids: readonly JobId[]): void;
  end(): void;
}

/** Nothing where the client gave no id. */
export function openTask(context: StudioContext, id: string | null | undefined): OpenTask {
  if (!id) return { jobs: () => undefined, end: () => undefined };
  const known = tasksOf(context);
  const task: Task = { ids: [], isOver: false };
  known.delete(id);
  known.set(id, task);
  return {
    jobs(ids) {
      task.ids = ids;
    },
    end() {
      task.isOver = true;
      const ended = [...known].filter(([, one]) => one.isOver);
      for (const [old] of ended.slice(0, -mostEnded)) known.delete(old);
    },
  };
}

export const findTask = (context: StudioContext, id: string): Readonly<Task> | undefined =>
  tasksOf(context).get(id);

/** What a client calls a job: its task, else the job's own id. */
export function taskNameOf(context: StudioContext, job: JobId): string {
  for (const [name, { ids }] of tasksOf(context)) if (ids.includes(job)) return name;
  return job;
}
