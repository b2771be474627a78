/** @file How long something still takes, told by the share that is done. */
import { showSeconds } from './units.ts';

/** Too early to say anything. */
const leastSeconds = 2;

const seconds = (): number => performance.now() / 1000;

/** A function of the share done, 0 … 1, to the seconds that are left; undefined while it cannot be known. */
export function openSecondsLeft(now: () => number = seconds): (share: number) => number | undefined {
  let first: { readonly at: number; readonly share: number } | undefined;
  return share => {
    // Counted from the first step on, so that opening the model is not taken for drawing.
    first ??= { at: now(), share };
    const taken = now() - first.at;
    if (taken < leastSeconds || share <= first.share) return undefined;
    return (taken * (1 - share)) / (share - first.share);
  };
}

/** A function of the share done, 0 … 1, to `, 35 s left`, or to nothing while it cannot be known. */
export function openTimeLeft(now: () => number = seconds): (share: number) => string {
  const leftAt = openSecondsLeft(now);
  return share => {
    const left = leftAt(share);
    return left === undefined ? '' : `, ${showSeconds(left)} left`;
  };
}
