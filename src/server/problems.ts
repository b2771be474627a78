/** @file Errors as problem JSON (RFC 9457), with the same codes as on the command line. */
import type { z } from 'zod';
import { LoraError } from '../errors.ts';
import { type PayloadIssue, payloadIssues } from '../jobs/index.ts';
import { statusOfCode } from './problem-status.ts';
import type { Problem } from './schemas/common.ts';

export const problemType = 'application/problem+json; charset=utf-8';

export function problem(
  status: number,
  code: string,
  detail: string,
  more: { readonly hint?: string | undefined; readonly issues?: readonly PayloadIssue[] | undefined } = {},
): Problem {
  const title = code.toLowerCase().replaceAll('_', ' ');
  const { hint, issues } = more;
  return {
    ...{ type: `urn:lora-studio:${code}`, title, status, code, detail },
    ...(hint === undefined ? {} : { hint }),
    ...(issues === undefined ? {} : { issues: [...issues] }),
  };
}

/** What a request brought that its route does not take: every fault at once. */
export class InputError extends LoraError {
  readonly issues: readonly PayloadIssue[];

  constructor(issues: readonly PayloadIssue[]) {
    const message = issues.map(one => (one.path ? `${one.path}: ${one.message}` : one.message)).join('; ');
    super('INPUT_INVALID', message, { exit: 'usage' });
    this.issues = issues;
  }
}

/** What a schema makes of a value; throws INPUT_INVALID. */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new InputError(payloadIssues(error, value, schema));
}

/** What went wrong, for the client; undefined for a fault of ours, of which nothing is told but that it happened. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof LoraError) {
    const { code, message, hint } = error;
    const { issues } = error as LoraError & { readonly issues?: readonly PayloadIssue[] };
    return problem(statusOfCode(code, error.exit), code, message, { hint, issues });
  }
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  const known = typeof code === 'string' ? framework[code] : undefined;
  if (known) return problem(known.status, known.code, known.detail);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return problem(statusCode, 'REQUEST_INVALID', message ?? 'the request cannot be read');
  return undefined;
}

/** What the HTTP library finds wrong. */
const framework: Readonly<Record<string, { status: number; code: string; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: 'BODY_TOO_LARGE',
    detail: 'the body is larger than is read here',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, code: 'JSON_INVALID', detail: 'the body is not JSON' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, code: 'JSON_INVALID', detail: 'the body is empty' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'TYPE_WRONG',
    detail: 'this Content-Type is not read here',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'LENGTH_WRONG',
    detail: 'the body is not as long as it says',
  },
  FST_REQ_FILE_TOO_LARGE: {
    status: 413,
    code: 'BODY_TOO_LARGE',
    detail: 'a file is larger than is read here',
  },
};
