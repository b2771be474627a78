/** @file The schedules live in `schedules.ts`; this keeps their former place. */

export { learningRateAt, type RateSchedule, type ScheduleName } from './schedules.ts';
