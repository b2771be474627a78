/** @file Routes of the door itself: health, signing in and out, events, the API's own description. */
import { z } from 'zod';
import { LoraError } from '../errors.ts';
import { version } from '../version.ts';
import { eventsPath } from './app.ts';
import { openApiOf } from './openapi.ts';
import { Reply, type RouteRow, route } from './route.ts';
import { nothing } from './schemas/common.ts';
import { session, signIn } from './schemas/system.ts';
import { cookieName } from './security/identify.ts';
import { isSame, type Token } from './security/token.ts';

export interface DoorOptions {
  readonly token: Token;
  readonly port: () => number;
  /** Whether nothing was trained or drawn yet. */
  readonly isNew: () => Promise<boolean>;
  /** Code of what is wrong, for those who watch over it; undefined where all is well. */
  readonly fault: () => string | undefined;
}

const yearSeconds = 31_536_000;

/** HttpOnly: no script reads it. Strict: no other site sends it. */
const cookieText = (port: number, value: string, maxAge: number): string =>
  `${cookieName(port)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}`;

export function doorRoutes(options: DoorOptions, others: readonly RouteRow[]): RouteRow[] {
  const { token, port, isNew } = options;
  const own: RouteRow[] = [
    route({
      ...{ method: 'GET', path: '/healthz', policy: 'open', tag: 'system' },
      summary: 'Whether the studio is well: 200 `ok`, or 503 with the code of what is wrong.',
      response: z.object({ status: z.string(), version: z.string() }),
      handle: () => {
        const fault = options.fault();
        const body = JSON.stringify({ status: fault ?? 'ok', version });
        return new Reply(body, 'application/json; charset=utf-8', { status: fault ? 503 : 200 });
      },
    }),
    route({
      ...{ method: 'GET', path: '/api/v1/session', policy: 'read', tag: 'system' },
      summary: 'What the page begins with.',
      response: session,
      handle: async ({ isLocal }) => ({ version, isLocal, isNew: await isNew() }),
    }),
    route({
      ...{ method: 'POST', path: '/api/v1/session', policy: 'sign-in', tag: 'system' },
      summary: 'Signs a browser in: the token becomes a cookie.',
      ...{ body: signIn, response: nothing },
      handle: (_, { body }) => {
        if (!isSame(body.token, token.text)) {
          const hint = 'Open the address that the studio printed at its start.';
          throw new LoraError('TOKEN_WRONG', 'this is not the token', { hint });
        }
        const cookie = cookieText(port(), token.cookie, yearSeconds);
        return new Reply('{}', 'application/json; charset=utf-8', { headers: { 'set-cookie': cookie } });
      },
    }),
    route({
      ...{ method: 'DELETE', path: '/api/v1/session', policy: 'change', tag: 'system' },
      summary: 'Signs a browser out.',
      response: nothing,
      handle: () =>
        new Reply('{}', 'application/json; charset=utf-8', {
          headers: { 'set-cookie': cookieText(port(), '', 0) },
        }),
    }),
    route({
      ...{ method: 'GET', path: eventsPath, policy: 'read', tag: 'system' },
      summary: 'Events, server-sent. `Last-Event-ID` (or `after`) goes on after that one.',
      query: z.object({ after: z.string().max(80).optional() }),
      handle: () => undefined,
    }),
  ];
  let document: string | undefined;
  const description: RouteRow = route({
    ...{ method: 'GET', path: '/api/v1/openapi.json', policy: 'read', tag: 'system' },
    summary: 'This description of the API.',
    handle: () => {
      document ??= JSON.stringify(
        openApiOf(all.filter(({ path }) => path.startsWith('/api/') || path === '/healthz')),
      );
      return new Reply(document, 'application/json; charset=utf-8');
    },
  });
  const all = [...own, description, ...others];
  return all;
}
