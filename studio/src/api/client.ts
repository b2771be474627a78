/** @file The one way to the server: JSON in, typed JSON out, problems as errors, a lost session noticed. */
import { signal } from '@preact/signals';
import type { Problem } from '../../../src/server/api-types.ts';

export const apiBase = '/api/v1';

/** `out`: the server asked for the token. */
export const signedIn = signal<'unknown' | 'in' | 'out'>('unknown');

/** An answer that says no: RFC 9457, with the stable code of the command line. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly hint: string | undefined;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  constructor(problem: Pick<Problem, 'code' | 'detail' | 'status'> & Partial<Problem>) {
    super(problem.detail);
    this.name = 'ApiError';
    this.code = problem.code;
    this.status = problem.status;
    this.hint = problem.hint;
    this.issues = problem.issues ?? [];
  }
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Finishes even where the page is left. */
  readonly keepAlive?: boolean | undefined;
}

/** `/jobs` with a query, as a path below `/api/v1`. */
export function withQuery(path: string, query: CallOptions['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return path;
  return `${path}?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

/** Calls the API. Throws ApiError; an abort throws an AbortError. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { query, body, signal: stop, keepAlive }: CallOptions = {},
): Promise<T> {
  const response = await reach(apiBase + withQuery(path, query), {
    method,
    credentials: 'same-origin',
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    ...(stop ? { signal: stop } : {}),
    ...(keepAlive ? { keepalive: true } : {}),
  });
  return (await answerOf(response)) as T;
}

/** Sends a file as it is. */
export async function sendFile<T>(
  path: string,
  file: Blob,
  {
    query,
    signal: stop,
    method = 'POST',
  }: Pick<CallOptions, 'query' | 'signal'> & { readonly method?: 'POST' | 'PUT' } = {},
): Promise<T> {
  const response = await reach(apiBase + withQuery(path, query), {
    method,
    credentials: 'same-origin',
    body: file,
    headers: { 'content-type': file.type || 'application/octet-stream' },
    ...(stop ? { signal: stop } : {}),
  });
  return (await answerOf(response)) as T;
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === 'AbortError') throw fault;
    throw new ApiError({
      code: 'STUDIO_UNREACHABLE',
      status: 0,
      detail: 'The studio does not answer.',
      hint: 'Look whether `lora studio` still runs in its terminal; this page goes on by itself once it does.',
    });
  }
}

async function answerOf(response: Response): Promise<unknown> {
  const text = response.status === 204 ? '' : await response.text();
  const value = parse(text);
  if (response.ok) {
    if (signedIn.value === 'unknown') signedIn.value = 'in';
    return value ?? {};
  }
  if (response.status === 401) signedIn.value = 'out';
  throw new ApiError(isProblem(value) ? value : plainProblem(response));
}

function parse(text: string): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;

const plainProblem = ({ status, statusText }: Response) => ({
  code: `HTTP_${status}`,
  status,
  detail: `The studio answered ${status}${statusText ? ` (${statusText})` : ''}.`,
});

/** Whether a fault is only that nobody waits for the answer any more. */
export const isAbort = (fault: unknown): boolean =>
  fault instanceof DOMException && fault.name === 'AbortError';
