/** @file What the operating system says when a write fails, as an error with a stable code and a hint. */
import { LoraError } from '../errors.ts';

interface Reason {
  readonly code: string;
  readonly why: string;
  readonly hint: string;
}

const noSpaceHint = 'Free some space, or write to another disk.';
const deniedHint = 'Choose a folder that you may write to.';

const reasons: Readonly<Record<string, Reason>> = {
  ENOSPC: { code: 'WRITE_NO_SPACE', why: 'there is no space left', hint: noSpaceHint },
  EDQUOT: { code: 'WRITE_NO_SPACE', why: 'the quota is used up', hint: noSpaceHint },
  EFBIG: {
    code: 'WRITE_NO_SPACE',
    why: 'the file would be larger than is allowed',
    hint: 'Raise the limit (ulimit -f), or write to another disk.',
  },
  EACCES: { code: 'WRITE_DENIED', why: 'permission is denied', hint: deniedHint },
  EPERM: { code: 'WRITE_DENIED', why: 'permission is denied', hint: deniedHint },
  EROFS: { code: 'WRITE_DENIED', why: 'the disk is read-only', hint: deniedHint },
  ENOENT: { code: 'WRITE_NO_FOLDER', why: 'its folder does not exist', hint: 'Make the folder first.' },
  ENOTDIR: { code: 'WRITE_NO_FOLDER', why: 'a part of the path is a file', hint: 'Choose another path.' },
  EEXIST: { code: 'WRITE_NO_FOLDER', why: 'a part of the path is a file', hint: 'Choose another path.' },
  EISDIR: { code: 'WRITE_IS_FOLDER', why: 'it is a folder', hint: 'Give a file name.' },
  EMFILE: {
    code: 'WRITE_TOO_MANY_FILES',
    why: 'this process has as many files open as it may',
    hint: 'Raise the limit (ulimit -n).',
  },
  ENFILE: {
    code: 'WRITE_TOO_MANY_FILES',
    why: 'the machine has as many files open as it can',
    hint: 'Close other programs.',
  },
  EIO: {
    code: 'WRITE_DISK_FAILS',
    why: 'the disk reports an error',
    hint: 'Check the disk and its cable or network; write to another one.',
  },
  ENAMETOOLONG: { code: 'WRITE_BAD_NAME', why: 'its name is too long', hint: 'Choose a shorter name.' },
};

/** The error code of the operating system (`ENOENT`, …), or nothing. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

/** WRITE_* for what the operating system threw; any other error passes through as it is. */
export function writeError(path: string, cause: unknown): unknown {
  const system = systemCode(cause);
  if (system === '' || cause instanceof LoraError) return cause;
  const reason = reasons[system];
  const why = reason?.why ?? (cause as Error).message;
  const options = { cause, ...(reason ? { hint: reason.hint } : {}) };
  return new LoraError(reason?.code ?? 'WRITE_FAILED', `${path} cannot be written: ${why}`, options);
}
