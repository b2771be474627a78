/** @file Errors in the shapes that clients of other programs read. */
import type { Problem } from '../schemas/common.ts';

export type DialectError = (found: Problem) => object;

const sentence = ({ detail, hint }: Problem): string => (hint ? `${detail}. ${hint}` : detail);

export const dialectErrors: Readonly<Record<'a1111' | 'openai', DialectError>> = {
  // As A1111's middleware and FastAPI write them: clients show `detail`, or `errors`.
  a1111: found => ({ error: found.code, detail: sentence(found), body: '', errors: sentence(found) }),
  openai: found => ({
    error: {
      message: sentence(found),
      type:
        found.status === 401
          ? 'authentication_error'
          : found.status < 500
            ? 'invalid_request_error'
            : 'server_error',
      param: found.issues?.[0]?.path ?? null,
      code: found.code.toLowerCase(),
    },
  }),
};
