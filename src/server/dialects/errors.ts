/** @file Errors in the shapes, and with the statuses, that clients of other programs read. */
import type { Problem } from '../schemas/common.ts';

export interface DialectErrors {
  /** Where the other program answers with another status. */
  status(found: Problem): number;
  body(found: Problem): object;
}

const sentence = ({ detail, hint }: Problem): string =>
  hint ? `${detail}${/[.!?]$/.test(detail) ? '' : '.'} ${hint}` : detail;

/** OpenAI's words where its clients look at them. */
const openAiCodes: Readonly<Record<string, string>> = {
  CHECKPOINT_UNKNOWN: 'model_not_found',
  TOKEN_MISSING: 'invalid_api_key',
  TOKEN_WRONG: 'invalid_api_key',
};

/** Whatever is wrong with a request is 400 there; a picture that somebody cancelled is not to be tried again. */
const openAiStatus = ({ status, code }: Problem): number =>
  status === 422 || code === 'INTERRUPTED' ? 400 : status;

export const dialectErrors: Readonly<Record<'a1111' | 'openai', DialectErrors>> = {
  // As A1111's middleware and FastAPI write them: clients show `detail`, or `errors`.
  a1111: {
    status: ({ status, code }) => (code === 'SAMPLER_UNKNOWN' ? 400 : status),
    body: found => ({ error: found.code, detail: sentence(found), body: '', errors: sentence(found) }),
  },
  openai: {
    status: openAiStatus,
    body: found => ({
      error: {
        message: sentence(found),
        type:
          found.status === 401
            ? 'authentication_error'
            : openAiStatus(found) < 500
              ? 'invalid_request_error'
              : 'server_error',
        param: found.code === 'CHECKPOINT_UNKNOWN' ? 'model' : (found.issues?.[0]?.path ?? null),
        code: openAiCodes[found.code] ?? found.code.toLowerCase(),
      },
    }),
  },
};
