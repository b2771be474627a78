/** Jobs: a durable queue, the supervisor that leases from it, and the child processes that do the work. */
export { type JobKind, jobKindNames, jobKinds, type PayloadOf, priorities } from './kinds.ts';
export type { ComparePayload } from './payloads/compare.ts';
export type { GeneratePayload } from './payloads/generate.ts';
export { cardId, datasetId, uploadId } from './payloads/ids.ts';
export type { DatasetReportPayload, PlanPayload } from './payloads/look.ts';
export type { MergePayload } from './payloads/merge.ts';
export type { TrainPayload } from './payloads/train.ts';
export type * from './queue.ts';
export { jobStates } from './queue.ts';
export type * from './runner.ts';
