/** @file How jobs are named and where they lead. */
import type { ApiJob } from '../../../../src/server/api-types.ts';
import type { IconName } from '../../parts/index.ts';

export const kindWords: Readonly<
  Record<ApiJob['kind'], { readonly label: string; readonly icon: IconName }>
> = {
  generate: { label: 'Pictures', icon: 'generate' },
  compare: { label: 'Comparison', icon: 'compare' },
  train: { label: 'Training', icon: 'train' },
  merge: { label: 'Merge', icon: 'library' },
  plan: { label: 'Forecast', icon: 'info' },
  'dataset-report': { label: 'Data set report', icon: 'data' },
};

export const stateWords: Readonly<Record<ApiJob['state'], string>> = {
  ...{ queued: 'Waiting', running: 'Running', paused: 'Paused' },
  ...{ done: 'Done', failed: 'Failed', cancelled: 'Cancelled' },
};

/** Priorities as people say them (the numbers are those of the queue). */
export const priorityWords: readonly { readonly value: number; readonly label: string }[] = [
  { value: 100, label: 'At once' },
  { value: 50, label: 'Usual' },
  { value: 10, label: 'When idle' },
];

export const priorityLabel = (priority: number): string =>
  priorityWords.find(({ value }) => value === priority)?.label ?? `Priority ${priority}`;

/** The page that shows what came out of a job. */
export function resultLink(job: ApiJob): { readonly href: string; readonly label: string } | undefined {
  if (job.kind === 'train') return { href: `#/train/${job.id}`, label: 'Show the run' };
  if (job.kind === 'compare') return { href: `#/compare/${job.id}`, label: 'Show the grid' };
  const card = job.artefacts.find(({ cardId }) => cardId)?.cardId;
  if (card) return { href: `#/library/${card}`, label: 'Show in the library' };
  const picture = job.artefacts.find(({ pictureId }) => pictureId)?.pictureId;
  if (picture) return { href: `#/generate/${picture}`, label: 'Show' };
  return undefined;
}
