/** @file What can be asked of the queue: a row a kind, with the schema of its payload. */
import type { z } from 'zod';
import { kindPriorities } from './kind-priorities.ts';
import { comparePayload } from './payloads/compare.ts';
import { generatePayload } from './payloads/generate.ts';
import { datasetReportPayload, planPayload } from './payloads/look.ts';
import { mergePayload } from './payloads/merge.ts';
import { trainPayload } from './payloads/train.ts';

export interface JobKindRow {
  readonly payload: z.ZodType;
  /**
   * Which child process does it. `pictures` stays open between jobs, with the base and LoRAs in memory; the others end
   * with their job. One lane runs at a time, but `pictures` and `look` go first: a training run waits between two steps.
   */
  readonly lane: 'pictures' | 'training' | 'files' | 'look';
  readonly priority: number;
  /** Whether lists show it; looks are answers to a page and are forgotten after an hour. */
  readonly isListed: boolean;
  /** Deaths that it outlives; the queue's usual number unless said. A run goes on from its state, however often. */
  readonly maxAttempts?: number;
}

export const jobKinds = {
  generate: { payload: generatePayload, lane: 'pictures', priority: kindPriorities.generate, isListed: true },
  compare: { payload: comparePayload, lane: 'pictures', priority: kindPriorities.compare, isListed: true },
  train: {
    ...{ payload: trainPayload, lane: 'training', priority: kindPriorities.train, isListed: true },
    maxAttempts: 20,
  },
  merge: { payload: mergePayload, lane: 'files', priority: kindPriorities.merge, isListed: true },
  plan: { payload: planPayload, lane: 'look', priority: kindPriorities.plan, isListed: false },
  'dataset-report': {
    payload: datasetReportPayload,
    lane: 'look',
    priority: kindPriorities['dataset-report'],
    isListed: false,
  },
} as const satisfies Readonly<Record<keyof typeof kindPriorities, JobKindRow>>;

export type JobKind = keyof typeof jobKinds;
export type PayloadOf<K extends JobKind> = z.output<(typeof jobKinds)[K]['payload']>;
export const jobKindNames = Object.keys(jobKinds) as JobKind[];
