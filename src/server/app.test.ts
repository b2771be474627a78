/** The door: what comes in wrong is refused by name, and nothing of a fault is told. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Door, openDoor } from '../../test/support/door.ts';
import { LoraError } from '../errors.ts';
import { Reply, route } from './route.ts';

const body = z.strictObject({ strength: z.number().min(0).max(1), name: z.string().optional() });
let door: Door;
let read = 0;

beforeAll(async () => {
  door = await openDoor(
    [
      route({
        ...{ method: 'POST', path: '/api/v1/things', policy: 'change', summary: '', tag: '', body },
        handle: (_, request) => request.body,
      }),
      route({
        ...{ method: 'GET', path: '/api/v1/things/:id', policy: 'read', summary: '', tag: '' },
        params: z.object({ id: z.string().regex(/^[a-z]+$/) }),
        handle: (_, { params }) => {
          if (params.id === 'fault') throw new Error('secret: /Users/somebody/token');
          if (params.id === 'gone')
            throw new LoraError('THING_UNKNOWN', 'there is no such thing', { hint: 'Look.' });
          return new Reply('a', 'text/plain', { fileName: 'ä "b".txt' });
        },
      }),
      route({
        ...{
          method: 'POST',
          path: '/api/v1/files',
          policy: 'upload',
          summary: '',
          tag: '',
          bodyLimit: 100_000,
        },
        async handle(_, { stream }) {
          read = 0;
          for await (const chunk of stream ?? []) read += (chunk as Buffer).length;
          return { read };
        },
      }),
    ],
    { origins: ['https://friend.example'] },
  );
});
afterAll(async () => door.close());

const ask = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${door.port}${path}`, {
    ...{ method, ...init },
    headers: { authorization: `Bearer ${door.token}`, ...init.headers },
  });
const json = { 'content-type': 'application/json' };

test('every wrong field is told at once, unknown ones with the nearest name', async () => {
  const answer = await ask('POST', '/api/v1/things', {
    headers: json,
    body: '{"strenght": 1, "strength": 4}',
  });
  expect(answer.status).toBe(422);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  const problem = (await answer.json()) as { code: string; issues: { path: string; message: string }[] };
  expect(problem.code).toBe('INPUT_INVALID');
  expect(problem.issues.map(({ path }) => path).sort()).toEqual(['strenght', 'strength']);
  expect(problem.issues.find(({ path }) => path === 'strenght')?.message).toContain('strength');
});

test.each([
  ['not JSON', '{"a":', 400, 'JSON_INVALID'],
  ['a list', '[1]', 422, 'INPUT_INVALID'],
  ['nothing', '', 422, 'INPUT_INVALID'],
  ['a prototype', '{"__proto__": {"a": 1}, "strength": 1}', 400, 'JSON_INVALID'],
  ['too much', `{"name": "${'x'.repeat(2 << 20)}"}`, 413, 'BODY_TOO_LARGE'],
])('%s is refused', async (_, text, status, code) => {
  const answer = await ask('POST', '/api/v1/things', { headers: json, body: text });
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ code });
});

test('faults of ours are in the log only', async () => {
  const answer = await ask('GET', '/api/v1/things/fault');
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(JSON.parse(text)).toMatchObject({ code: 'INTERNAL' });
  expect(text).not.toMatch(/secret|somebody|\.ts/);
  expect(JSON.stringify(door.errors)).toContain('secret');
});

test('codes and hints are those of the command line', async () => {
  const answer = await ask('GET', '/api/v1/things/gone');
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code: 'THING_UNKNOWN', hint: 'Look.', status: 404 });
});

test('downloads have a name of any letters', async () => {
  const answer = await ask('GET', '/api/v1/things/a');
  expect(answer.headers.get('content-disposition')).toBe(
    `attachment; filename="_ _b_.txt"; filename*=UTF-8''%C3%A4%20%22b%22.txt`,
  );
});

test('uploads are read as they come, up to the limit, whatever they say of their length', async () => {
  const octets = { 'content-type': 'application/octet-stream' };
  expect(
    await (await ask('POST', '/api/v1/files', { headers: octets, body: 'x'.repeat(50_000) })).json(),
  ).toEqual({ read: 50_000 });
  const told = await ask('POST', '/api/v1/files', { headers: octets, body: 'x'.repeat(200_000) });
  expect(told.status).toBe(413);
  // Without a length: a stream that goes on and on.
  const endless = new ReadableStream({
    pull: controller => controller.enqueue(new Uint8Array(10_000)),
  });
  const answer = await ask('POST', '/api/v1/files', {
    headers: octets,
    body: endless,
    duplex: 'half',
  } as RequestInit).catch((error: unknown) => error);
  if (answer instanceof Response) expect(answer.status).toBe(413);
  expect(read).toBeLessThan(200_000);
});

test('half an upload is an error for its handler, not a shorter file', async () => {
  const socket = connect(door.port, '127.0.0.1');
  const head = [
    'POST /api/v1/files HTTP/1.1',
    `Host: 127.0.0.1:${door.port}`,
    `Authorization: Bearer ${door.token}`,
    'Content-Type: application/octet-stream',
    'Content-Length: 90000',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${'x'.repeat(1000)}`);
  await new Promise(done => setTimeout(done, 100));
  socket.destroy();
  await new Promise(done => setTimeout(done, 100));
  expect(read).toBeLessThan(90_000);
  expect((await ask('GET', '/api/v1/things/a')).status).toBe(200);
});

test('another page may ask only where its origin was configured', async () => {
  const preflight = await fetch(`http://127.0.0.1:${door.port}/api/v1/things`, {
    method: 'OPTIONS',
    headers: { origin: 'https://friend.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('https://friend.example');
  const friend = await ask('POST', '/api/v1/things', {
    headers: { ...json, origin: 'https://friend.example' },
    body: '{"strength": 1}',
  });
  expect(friend.status).toBe(200);
  const stranger = await ask('POST', '/api/v1/things', {
    headers: { ...json, origin: 'https://stranger.example' },
    body: '{"strength": 1}',
  });
  expect(stranger.status).toBe(403);
  expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
});
