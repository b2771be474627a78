/** @file What the operating system says when a store cannot read or write, as an error with a stable code. */
import { LoraError } from '../errors.ts';

/** `ENOENT` …, or nothing. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

const full = { code: 'DISK_FULL', why: 'there is no space left', hint: 'Free some space, then try again.' };
const denied = {
  code: 'DATA_READ_ONLY',
  why: 'the folder may not be written to',
  hint: 'Check its permissions, and whether its disk is read-only.',
};
const faults: Readonly<Record<string, { code: string; why: string; hint: string }>> = {
  ...{ ENOSPC: full, EDQUOT: full, EFBIG: full, WRITE_NO_SPACE: full },
  ...{ EACCES: denied, EPERM: denied, EROFS: denied, WRITE_DENIED: denied },
  EIO: { code: 'DISK_FAILS', why: 'the disk reports an error', hint: 'Check the disk and its cable.' },
};

/** DISK_FULL, DATA_READ_ONLY or DISK_FAILS for what the system threw, or writing made of it; others pass through as they are. */
export function writeFault(what: string, cause: unknown): unknown {
  const fault = faults[cause instanceof LoraError ? cause.code : systemCode(cause)];
  if (!fault) return cause;
  const { code, why, hint } = fault;
  return new LoraError(code, `${what} cannot be written: ${why}`, { hint, cause });
}
