/** @file What a route is: data. The app, the OpenAPI page and the access matrix are made from the same rows. */
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { StudioContext } from './context.ts';

/**
 * Who may do what:
 * `open`: anybody who reaches the port (health, the page's own files).
 * `sign-in`: anybody, with JSON, and from a browser only from the studio's own page: what turns a token into a cookie.
 * `read`: a right token, as cookie, bearer or basic password.
 * `change`: a right token, JSON, and from a browser only from the studio's own page.
 * `upload`: as `change`, but the body is a file.
 * `local`: as `change`, and only where the studio listens on this machine alone.
 */
export type Policy = 'open' | 'sign-in' | 'read' | 'change' | 'upload' | 'local';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RouteRequest<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Of `upload` routes: the body, limited, as it comes. */
  readonly stream?: Readable | undefined;
  /** Of forms. */
  readonly files: readonly FormFile[];
}

export interface FormFile {
  readonly field: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Anything but JSON. */
export class Reply {
  readonly body: Uint8Array | Readable | string;
  readonly type: string;
  readonly options: ReplyOptions;
  constructor(body: Uint8Array | Readable | string, type: string, options: ReplyOptions = {}) {
    this.body = body;
    this.type = type;
    this.options = options;
  }
}

export interface ReplyOptions {
  readonly status?: number | undefined;
  /** Saved under this name instead of shown. */
  readonly fileName?: string | undefined;
  /** Seconds that a browser may keep it: only for addresses that change with their content. */
  readonly maxAge?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface RouteRow<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly method: Method;
  /** `/api/v1/jobs/:id` */
  readonly path: string;
  readonly policy: Policy;
  readonly summary: string;
  readonly tag: string;
  readonly params?: P | undefined;
  readonly query?: Q | undefined;
  readonly body?: B | undefined;
  /** Of JSON answers. */
  readonly response?: R | undefined;
  /** 200 unless said. */
  readonly status?: number | undefined;
  /** Bytes of the body; 1 MB unless said. */
  readonly bodyLimit?: number | undefined;
  /** Whose shape errors have; problem JSON unless said. */
  readonly dialect?: 'a1111' | 'openai' | undefined;
  /** The body is multipart/form-data: `body` has its fields, `files` its files (OpenAI's edits). */
  readonly isForm?: boolean | undefined;
  readonly handle: (
    context: StudioContext,
    request: RouteRequest<z.output<P>, z.output<Q>, z.output<B>>,
  ) => unknown;
}

/** A row with its types worked out from its schemas. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  row: RouteRow<P, Q, B, R>,
): RouteRow {
  return row as unknown as RouteRow;
}
