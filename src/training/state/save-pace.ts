/** @file When a run state is due: every so many steps, or every so many minutes, but never for more than 2 % of the time. */
import type { SavingFields } from '../recipe/saving-fields.ts';
import { pointEvery } from '../rollback.ts';

/** The share of the time that saves by the clock may take. */
const largestShare = 0.02;

/** A save at a step that a rollback goes to is half as large, so it is waited for so long: a share of the interval. */
const waits = 0.25;

export interface SavePace {
  isDue(step: number): boolean;
  /** Tells of a save and how long it took. */
  saved(seconds: number): void;
}

/** `clock` tells milliseconds. Saves that were asked for by steps are made whatever they cost. */
export function openSavePace(
  { stateEvery, stateEveryMinutes }: Pick<SavingFields, 'stateEvery' | 'stateEveryMinutes'>,
  clock: () => number = () => performance.now(),
): SavePace {
  let last = clock();
  let interval = 60_000 * stateEveryMinutes;
  return {
    isDue(step) {
      if (stateEvery > 0 && step % stateEvery === 0) return true;
      const elapsed = clock() - last;
      return step % pointEvery === 0 ? elapsed >= interval : elapsed >= (1 + waits) * interval;
    },
    saved(seconds) {
      last = clock();
      interval = Math.max(60_000 * stateEveryMinutes, (1000 * seconds) / largestShare);
    },
  };
}
