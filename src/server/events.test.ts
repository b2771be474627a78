/** Events over real sockets: everybody hears in time, what was missed comes again, who does not read is dropped. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Door, openDoor } from '../../test/support/door.ts';
import { route } from './route.ts';

const row = route({
  ...{ method: 'GET', path: '/api/v1/events', policy: 'read', summary: '', tag: '' },
  handle: () => undefined,
});

let door: Door;
afterEach(async () => door?.close());

interface Listener {
  readonly events: {
    readonly id: string;
    readonly name: string;
    readonly data: unknown;
    readonly at: number;
  }[];
  readonly isOpen: () => boolean;
  stop(): void;
}

function listen(last?: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${door.token}`,
      ...(last === undefined ? {} : { 'last-event-id': last }),
    };
    const asked = request({ host: '127.0.0.1', port: door.port, path: row.path, headers }, answer => {
      const events: Listener['events'] = [];
      let text = '';
      let isOpen = answer.statusCode === 200;
      answer.on('close', () => (isOpen = false));
      answer.on('data', chunk => {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const lines = new Map(
            text
              .slice(0, end)
              .split('\n')
              .map(line => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)] as const),
          );
          text = text.slice(end + 2);
          if (lines.has('data'))
            events.push({
              id: lines.get('id') ?? '',
              name: lines.get('event') ?? '',
              data: JSON.parse(lines.get('data') ?? ''),
              at: performance.now(),
            });
        }
      });
      resolve({ events, isOpen: () => isOpen, stop: () => void asked.destroy() });
    });
    asked.on('error', reject).end();
  });
}

const until = async (isTrue: () => boolean, ms = 5000): Promise<void> => {
  for (const start = performance.now(); !isTrue(); ) {
    if (performance.now() - start > ms) throw new Error('waited in vain');
    await new Promise(done => setTimeout(done, 5));
  }
};

/** Asks for events over a bare socket. */
function asking(): Socket {
  const socket: Socket = connect(door.port, '127.0.0.1');
  socket.write(
    `GET ${row.path} HTTP/1.1\r\nHost: 127.0.0.1:${door.port}\r\nAuthorization: Bearer ${door.token}\r\n\r\n`,
  );
  return socket;
}

/** Asks for events and reads not one byte. */
const sleeper = (): Socket => asking().pause();

/** Keeps nothing but when each event came. */
function watcher(): { readonly times: number[]; stop(): void } {
  const times: number[] = [];
  const socket = asking().setEncoding('latin1');
  socket.on('data', chunk => {
    const count = String(chunk).split('event: dataset').length - 1;
    for (let i = 0; i < count; i++) times.push(performance.now());
  });
  return { times, stop: () => void socket.destroy() };
}

test('200 clients, one of them reading nothing: every update within a second, and little memory', async () => {
  door = await openDoor([row]);
  const clients = Array.from({ length: 199 }, watcher);
  const silent = sleeper();
  await until(() => door.hub.clients === 200);
  const before = process.memoryUsage().rss;
  const told: number[] = [];
  // More than a running training tells: 20 updates a second.
  for (let i = 0; i < 100; i++) {
    told.push(performance.now());
    door.hub.tell('dataset', { id: `${i} ${'x'.repeat(1000)}` });
    await new Promise(done => setTimeout(done, 50));
  }
  await until(() => clients.every(({ times }) => times.length === 100));
  const delays = clients.flatMap(({ times }) => times.map((at, i) => at - told[i])).sort((a, b) => a - b);
  const [median, last] = [delays[delays.length >> 1], delays[delays.length - 1]];
  // Server and readers together: the test is one process.
  const grown = (process.memoryUsage().rss - before) / 1e6;
  console.log(
    `200 clients: median ${median.toFixed(1)} ms, latest ${last.toFixed(0)} ms, memory +${grown.toFixed(0)} MB`,
  );
  expect(last).toBeLessThan(1000);
  expect(grown).toBeLessThan(100);
  for (const client of clients) client.stop();
  silent.destroy();
}, 60_000);

test('who reads nothing is dropped when a megabyte waits for him; others go on', async () => {
  door = await openDoor([row]);
  const reader = await listen();
  const silent = sleeper();
  await until(() => door.hub.clients === 2);
  // What the system itself holds for a connection comes before what waits here.
  for (let i = 0; i < 400 && door.hub.clients === 2; i++) {
    door.hub.tell('dataset', { id: 'x'.repeat(64_000) });
    await new Promise(done => setTimeout(done, 2));
  }
  expect(door.hub.clients).toBe(1);
  door.hub.tell('dataset', { id: 'last' });
  await until(() => JSON.stringify(reader.events.at(-1)?.data) === '{"id":"last"}');
  reader.stop();
  silent.destroy();
}, 30_000);

test('a client that comes back gets what it missed; one that was away too long is told to ask again', async () => {
  door = await openDoor([row], { hub: { keep: 5 } });
  const first = await listen();
  door.hub.tell('dataset', { id: 'a' });
  door.hub.tell('dataset', { id: 'b' });
  await until(() => first.events.length === 3);
  expect(first.events[0].name).toBe('reset');
  first.stop();
  door.hub.tell('dataset', { id: 'c' });
  door.hub.tell('dataset', { id: 'd' });
  const again = await listen(first.events.at(-1)?.id);
  await until(() => again.events.length === 2);
  expect(again.events.map(({ data }) => data)).toEqual([{ id: 'c' }, { id: 'd' }]);
  for (let i = 0; i < 9; i++) door.hub.tell('dataset', { id: `${i}` });
  const late = await listen(first.events.at(-1)?.id);
  await until(() => late.events.length === 1);
  expect(late.events[0]).toMatchObject({ name: 'reset', data: { reason: 'missed' } });
  const stranger = await listen('000000-3');
  await until(() => stranger.events.length === 1);
  expect(stranger.events[0].name).toBe('reset');
  for (const client of [again, late, stranger]) client.stop();
});

test('more than so many are sent away, and leave when they close', async () => {
  door = await openDoor([row], { hub: { most: 1 } });
  const first = await listen();
  const second = await listen();
  expect([first.isOpen(), second.isOpen()]).toEqual([true, false]);
  first.stop();
  await until(() => door.hub.clients === 0);
  const third = await listen();
  expect(third.isOpen()).toBe(true);
  third.stop();
});
