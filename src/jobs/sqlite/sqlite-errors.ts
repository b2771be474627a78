/** @file What SQLite says when it fails, as an error with a stable code and a hint. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { LoraError } from '../../errors.ts';

interface Reason {
  readonly code: string;
  readonly why: string;
  readonly hint: string;
}

const corrupt: Reason = {
  code: 'JOBS_CORRUPT',
  why: 'it is damaged',
  hint: 'Move it away, with its -wal and -shm files: a new one is made, and only the list of jobs is lost. Finished files stay where they are.',
};
const denied: Reason = {
  code: 'DATA_READ_ONLY',
  why: 'it or its folder may not be written',
  hint: 'Give yourself the right to write there, or choose another data folder.',
};

/** By primary result code: https://sqlite.org/rescode.html */
const reasons: ReadonlyMap<number, Reason> = new Map([
  [3, denied],
  [8, denied],
  [23, denied],
  [11, corrupt],
  [26, { ...corrupt, why: 'it is no SQLite database' }],
  [
    13,
    {
      code: 'DISK_FULL',
      why: 'there is no space left',
      hint: 'Free some space on that disk; nothing was changed.',
    },
  ],
  [
    14,
    {
      code: 'JOBS_UNREADABLE',
      why: 'it cannot be opened',
      hint: 'Its folder has to exist, and you need the right to read and write there.',
    },
  ],
  [
    10,
    {
      code: 'DISK_FAILS',
      why: 'the disk reports an error',
      hint: 'Check the disk and its cable or network, and whether it is full; nothing was changed.',
    },
  ],
  ...[5, 6].map(
    busy =>
      [
        busy,
        {
          code: 'JOBS_BUSY',
          why: 'another process writes into it for too long',
          hint: 'Try again; if it stays so, look for a process that hangs.',
        },
      ] as const,
  ),
]);

/** The primary result code of an error of SQLite. */
function resultCode(cause: unknown): number | undefined {
  const isOwn = cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number';
  return isOwn ? (cause.errcode as number) & 0xff : undefined;
}

/** Whether another connection holds what was wanted. */
export function isBusy(cause: unknown): boolean {
  const code = resultCode(cause);
  return code === 5 || code === 6;
}

/** Whether a folder is there and may not be written; SQLite then only says that it cannot open a file in it. */
function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (cause) {
    return ['EROFS', 'EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '');
  }
}

/** A LoraError for what SQLite threw; any other error passes through as it is. */
export function sqliteError(file: string, cause: unknown): unknown {
  const code = resultCode(cause);
  const isDenied = code === 14 && isReadOnly(dirname(file));
  const reason = isDenied ? denied : reasons.get(code ?? -1);
  if (reason === undefined) return cause;
  const message = `the list of jobs ${file} cannot be used: ${reason.why} (${(cause as Error).message})`;
  return new LoraError(reason.code, message, { cause, hint: reason.hint });
}

/** JOBS_CORRUPT, with what a check found. */
export function corruptError(file: string, finding: string): LoraError {
  return new LoraError('JOBS_CORRUPT', `the list of jobs ${file} is damaged: ${finding}`, {
    hint: corrupt.hint,
  });
}
