/**
 * The access matrix: every route in every form of token, origin, host, method and type, against what its policy declares.
 * The rows are those that the studio serves; one without a policy, or with another answer than declared, fails.
 */
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp } from '../../src/server/app.ts';
import { openEventHub } from '../../src/server/events.ts';
import { Reply, type RouteRow } from '../../src/server/route.ts';
import { studioRoutes } from '../../src/server/routes.ts';
import { hostRule } from '../../src/server/security/hosts.ts';
import { cookieName } from '../../src/server/security/identify.ts';
import { openThrottle } from '../../src/server/security/throttle.ts';
import { openToken, type Token } from '../../src/server/security/token.ts';
import { temporaryFolder } from '../support/pictures.ts';

const port = 7860;
/** What a handler of this test answers: nobody else does. */
const wentOn = 299;

let token: Token;
let routes: readonly RouteRow[];
let app: FastifyInstance;

/** The studio's own rows behind its own door; handlers only say that they were reached. */
async function openDoor(throttle = openThrottle(Number.POSITIVE_INFINITY)): Promise<FastifyInstance> {
  const reached = routes.map(({ method, path, policy, dialect, isForm }) => ({
    ...{ method, path, policy, summary: '', tag: '', dialect, isForm: false },
    handle: () => new Reply('', 'text/plain', { status: isForm ? wentOn : wentOn }),
  }));
  return openApp({
    context: { log: { info() {}, warn() {}, error() {} } } as never,
    routes: reached.map((row, i) => ({ ...row, isForm: routes[i].isForm })),
    ...{ hub: openEventHub({ most: 0 }), token, throttle },
    address: () => ({ rule: hostRule('127.0.0.1', port), port }),
  });
}

beforeAll(async () => {
  token = await openToken(`${temporaryFolder()}/token`);
  routes = studioRoutes({
    ...{ token, port: () => port, isNew: async () => true, fault: () => undefined },
  });
  app = await openDoor();
});
afterAll(async () => app.close());

const tokens = ['none', 'wrong-bearer', 'wrong-basic', 'wrong-cookie', 'bearer', 'basic', 'cookie'] as const;
const origins = ['own', 'foreign', 'null', 'none', 'fetch-cross-site', 'fetch-same-site'] as const;
const hosts = ['own', 'localhost', 'rebinding'] as const;
const types = ['json', 'form', 'text', 'none'] as const;
type TokenForm = (typeof tokens)[number];
type Origin = (typeof origins)[number];
type Host = (typeof hosts)[number];
type Type = (typeof types)[number];

interface Form {
  token: TokenForm;
  origin: Origin;
  host: Host;
  type: Type;
}

/** What is declared, in words of its own: nothing of the code that decides is used here. */
function declared(row: Pick<RouteRow, 'isForm' | 'policy'>, form: Form): number | 'goes on' {
  const { policy } = row;
  if (form.host === 'rebinding') return 403;
  if (policy === 'open') return 'goes on';
  if (['foreign', 'null', 'fetch-cross-site', 'fetch-same-site'].includes(form.origin)) return 403;
  const isRight = ['bearer', 'basic', 'cookie'].includes(form.token);
  if (policy !== 'sign-in' && !isRight) return 401;
  if (policy === 'read') return 'goes on';
  if (policy !== 'sign-in' && form.token === 'cookie' && form.origin === 'none') return 403;
  const wanted: Record<string, Type[]> = {
    change: ['json', 'none'],
    local: ['json', 'none'],
    'sign-in': ['json', 'none'],
    upload: ['none'],
  };
  return (row.isForm ? ['none'] : wanted[policy]).includes(form.type) ? 'goes on' : 415;
}

const contentTypes: Record<Exclude<Type, 'none'>, string> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  text: 'text/plain',
};

async function ask(door: FastifyInstance, row: RouteRow, form: Form): Promise<number> {
  const names: Record<Host, string> = { own: '127.0.0.1', localhost: 'localhost', rebinding: 'evil.example' };
  const headers: Record<string, string> = { host: `${names[form.host]}:${port}` };
  const basic = (password: string): string => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;
  const authorization: Partial<Record<TokenForm, string>> = {
    'wrong-bearer': 'Bearer wrong',
    'wrong-basic': basic('wrong'),
    bearer: `Bearer ${token.text}`,
    basic: basic(token.text),
  };
  const auth = authorization[form.token];
  if (auth) headers.authorization = auth;
  if (form.token === 'cookie') headers.cookie = `${cookieName(port)}=${token.cookie}`;
  if (form.token === 'wrong-cookie') headers.cookie = `${cookieName(port)}=${token.text}`;
  if (form.origin === 'own') headers.origin = `http://${headers.host}`;
  if (form.origin === 'foreign') headers.origin = 'https://evil.example';
  if (form.origin === 'null') headers.origin = 'null';
  if (form.origin === 'fetch-cross-site') headers['sec-fetch-site'] = 'cross-site';
  if (form.origin === 'fetch-same-site') headers['sec-fetch-site'] = 'same-site';
  if (form.type !== 'none') headers['content-type'] = contentTypes[form.type];
  return statusOf(door, row.method, row.path, headers);
}

async function statusOf(
  door: FastifyInstance,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  const url = path.replace(/:\w+/g, 'nothing-such');
  return (await door.inject({ method: method as 'GET', url, headers })).statusCode;
}

test('every route has a policy, and every form of a request gets the declared answer', async () => {
  const wrong: string[] = [];
  let asked = 0;
  for (const row of routes) {
    expect(row.policy, `${row.method} ${row.path} has no policy`).toMatch(
      /^(open|sign-in|read|change|upload|local)$/,
    );
    for (const tokenForm of tokens)
      for (const origin of origins)
        for (const host of hosts)
          for (const type of row.method === 'GET' ? (['none'] as const) : types) {
            const form = { token: tokenForm, origin, host, type };
            const wanted = declared(row, form);
            const status = await ask(app, row, form);
            asked++;
            // Where it goes on, events say that nobody more may listen, and forms that there is none.
            const fits = wanted === 'goes on' ? [wentOn, 503, 406].includes(status) : status === wanted;
            if (!fits)
              wrong.push(`${row.method} ${row.path} ${JSON.stringify(form)}: ${status}, declared ${wanted}`);
          }
  }
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(5000);
}, 240_000);

test('methods that a route does not have are refused, and said', async () => {
  for (const path of new Set(routes.map(row => row.path))) {
    const there: string[] = routes.filter(row => row.path === path).map(({ method }) => method);
    const other = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].find(method => !there.includes(method));
    const headers = { host: `127.0.0.1:${port}`, authorization: `Bearer ${token.text}` };
    if (other) expect(await statusOf(app, other, path, headers), `${other} ${path}`).toBe(405);
  }
});

test('every answer has the headers that browsers need', async () => {
  for (const row of routes.filter(({ method, path }) => method === 'GET' && !path.endsWith('/events'))) {
    const headers = { host: `127.0.0.1:${port}`, authorization: `Bearer ${token.text}` };
    const url = row.path.replace(/:\w+/g, 'nothing-such');
    const answer = await app.inject({ method: 'GET', url, headers });
    expect(answer.headers['content-security-policy'], url).toContain("frame-ancestors 'none'");
    expect(answer.headers['x-content-type-options'], url).toBe('nosniff');
    expect(answer.headers['access-control-allow-origin'], url).toBeUndefined();
    if (url.startsWith('/api/')) expect(answer.headers['cache-control'], url).toBe('no-store');
  }
});

test('ten wrong tokens a minute, then 429; the right one still goes on', async () => {
  const door = await openDoor(openThrottle(10));
  const row = routes.find(({ path, policy }) => path === '/api/v1/session' && policy === 'read') as RouteRow;
  const form = { origin: 'none', host: 'own', type: 'none' } as const;
  const seen: number[] = [];
  for (let i = 0; i < 12; i++) seen.push(await ask(door, row, { ...form, token: 'wrong-bearer' }));
  expect(seen).toEqual([...Array(9).fill(401), 429, 429, 429]);
  expect(await ask(door, row, { ...form, token: 'bearer' })).toBe(wentOn);
  await door.close();
});
