/** @file Types of the API for the page; types only. */

export type {
  ComparePayload,
  DatasetReportPayload,
  GeneratePayload,
  MergePayload,
  PlanPayload,
  TrainPayload,
} from '../jobs/index.ts';
export type * from './schemas/cards.ts';
export type { Problem } from './schemas/common.ts';
export type * from './schemas/datasets.ts';
export type { EventData, EventName } from './schemas/events.ts';
export type * from './schemas/jobs.ts';
export type * from './schemas/pictures.ts';
export type * from './schemas/system.ts';
