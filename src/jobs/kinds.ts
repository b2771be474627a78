/** @file What can be asked of the queue: a row a kind, with the schema of its payload. */
import type { z } from 'zod';
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
}

/** Priorities: what somebody waits for, before what runs by itself. */
export const priorities = { interactive: 100, usual: 50, background: 10 } as const;

export const jobKinds = {
  generate: { payload: generatePayload, lane: 'pictures', priority: priorities.interactive, isListed: true },
  compare: { payload: comparePayload, lane: 'pictures', priority: priorities.usual, isListed: true },
  train: { payload: trainPayload, lane: 'training', priority: priorities.usual, isListed: true },
  merge: { payload: mergePayload, lane: 'files', priority: priorities.usual, isListed: true },
  plan: { payload: planPayload, lane: 'look', priority: priorities.interactive, isListed: false },
  'dataset-report': {
    payload: datasetReportPayload,
    lane: 'look',
    priority: priorities.interactive,
    isListed: false,
  },
} as const satisfies Readonly<Record<string, JobKindRow>>;

export type JobKind = keyof typeof jobKinds;
export type PayloadOf<K extends JobKind> = z.output<(typeof jobKinds)[K]['payload']>;
export const jobKindNames = Object.keys(jobKinds) as JobKind[];
