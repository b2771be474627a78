/** @file The time that goes into files. `SOURCE_DATE_EPOCH` (reproducible-builds.org) fixes it: same run, same bytes. */

/** Unix seconds; undefined where nothing, or no number, is given. */
function fixedTime(): number | undefined {
  const fixed = process.env.SOURCE_DATE_EPOCH;
  return fixed !== undefined && /^\d+$/.test(fixed) ? Number(fixed) : undefined;
}

/** Whether files are to be the same whenever they are written. */
export const isTimeFixed = (): boolean => fixedTime() !== undefined;

/** Unix seconds. */
export const now = (): number => fixedTime() ?? Math.floor(Date.now() / 1000);
