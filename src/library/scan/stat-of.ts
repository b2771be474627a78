/** @file What lies at a path, without throwing: one bad entry stops no scan. */
import { type Stats, statSync } from 'node:fs';

export interface Found {
  readonly facts?: Stats;
  /** Why it cannot be looked at, where something is there: a link to itself, a folder that may not be entered. */
  readonly reason?: string;
}

/** What the system says, without the path, which is told beside it. */
export const reasonOf = (error: unknown): string =>
  (error as Error).message.replace(/, \w+(?: '.*'(?: -> '.*')?)?$/s, '');

/** Neither where nothing is there. */
export function statOf(path: string): Found {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    return facts ? { facts } : {};
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTDIR' ? {} : { reason: reasonOf(error) };
  }
}
