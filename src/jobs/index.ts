/** Jobs: a durable queue, the supervisor that leases from it, and the child processes that do the work. */
export { defined } from './defined.ts';
export { actionsOf, type JobAction, jobActions } from './job-actions.ts';
export { priorities } from './kind-priorities.ts';
export { type JobKind, jobKindNames, jobKinds, type PayloadOf } from './kinds.ts';
export { cardOf } from './names.ts';
export { jobKindOf, type NewJobOptions, newJob, PayloadError, parsePayload } from './new-job.ts';
export { type PayloadIssue, payloadIssues } from './payload-issues.ts';
export type { ComparePayload } from './payloads/compare.ts';
export { type GeneratePayload, isKeptInHistory } from './payloads/generate.ts';
export { cardId, datasetId, uploadId } from './payloads/ids.ts';
export type { DatasetReportPayload, PlanPayload } from './payloads/look.ts';
export type { MergePayload } from './payloads/merge.ts';
export type { TrainPayload } from './payloads/train.ts';
export type * from './queue.ts';
export { jobStates } from './queue.ts';
export type * from './runner.ts';
export { openSqliteQueue, type SqliteQueueOptions } from './sqlite/sqlite-queue.ts';
export type { LaneName } from './supervisor/lanes.ts';
export type { SupervisorLog, SupervisorOptions } from './supervisor/settings.ts';
export {
  openSupervisor,
  type Supervisor,
  type SupervisorEvents,
  type SupervisorStatus,
} from './supervisor/supervisor.ts';
export type { SweepOptions, Swept } from './supervisor/sweep.ts';
