/** @file The time that goes into files. `SOURCE_DATE_EPOCH` (reproducible-builds.org) fixes it: same run, same bytes. */

/** Unix seconds. */
export function now(): number {
  const fixed = process.env.SOURCE_DATE_EPOCH;
  return fixed !== undefined && /^\d+$/.test(fixed) ? Number(fixed) : Math.floor(Date.now() / 1000);
}
