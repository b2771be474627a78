/** Jobs: a durable queue, the supervisor that leases from it, and the child processes that do the work. */
export { type JobKind, jobKindNames, jobKinds, type PayloadOf, priorities } from './kinds.ts';
export type * from './queue.ts';
export { jobStates } from './queue.ts';
export type * from './runner.ts';
