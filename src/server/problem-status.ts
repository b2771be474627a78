/** @file Which HTTP status a code has. */
import type { ExitKind } from '../errors.ts';

/** The first pattern that fits. */
const rows: readonly (readonly [RegExp, number])[] = [
  [/^TOKEN_WRONG$/, 401],
  [/^(JOBS|LIBRARY)_BUSY$/, 503],
  [/_(UNKNOWN|NOT_FOUND)$/, 404],
  [/_MISSING$/, 410],
  [/_(EXISTS|KNOWN|STATE|BUSY|RUNNING)$/, 409],
  [/_(PROTECTED|PRESENT|OWN|CHANGED|NOTHING_TO_UNDO)$/, 409],
  [/_TOO_LARGE$/, 413],
  [/^JOBS_CLOSED$/, 503],
  [/^(DISK_|DATA_READ_ONLY|WRITE_(NO_SPACE|DENIED|DISK_FAILS))/, 507],
];

export function statusOfCode(code: string, exit: ExitKind): number {
  const row = rows.find(([pattern]) => pattern.test(code));
  if (row) return row[1];
  return exit === 'usage' || exit === 'badInput' ? 422 : 500;
}
