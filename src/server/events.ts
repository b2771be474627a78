/** @file Events to browsers and programs: server-sent, numbered, with what was missed while it is kept; who does not read is dropped. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { EventData, EventName } from './schemas/events.ts';

export interface EventHub {
  tell<N extends EventName>(name: N, data: EventData<N>): void;
  /** Takes over an answer. `last`: the id of the last event that the client saw. False where there are too many. */
  join(response: ServerResponse, last: string | undefined): boolean;
  readonly clients: number;
  close(): void;
}

export interface HubOptions {
  /** Events that are kept for clients that come back. */
  readonly keep?: number;
  /** Bytes that a client may lag behind. */
  readonly backlog?: number;
  readonly most?: number;
  /** Milliseconds between signs of life. */
  readonly beat?: number;
}

interface Kept {
  readonly number: number;
  readonly frame: Buffer;
}

export function openEventHub(options: HubOptions = {}): EventHub {
  const { keep = 5000, backlog = 1 << 20, most = 500, beat = 15_000 } = options;
  const epoch = randomBytes(6).toString('hex');
  const kept: Kept[] = [];
  const clients = new Set<ServerResponse>();
  let number = 0;

  const frame = (name: string, data: unknown): Buffer =>
    Buffer.from(`id: ${epoch}-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);

  const send = (client: ServerResponse, bytes: Buffer): void => {
    if (client.writableLength > backlog) {
      clients.delete(client);
      client.destroy();
      return;
    }
    client.write(bytes);
  };
  const timer = setInterval(() => {
    const sign = Buffer.from(': here\n\n');
    for (const client of clients) send(client, sign);
  }, beat);
  timer.unref();

  return {
    tell(name, data) {
      number++;
      const bytes = frame(name, data);
      kept.push({ number, frame: bytes });
      if (kept.length > keep) kept.splice(0, kept.length - keep);
      for (const client of clients) send(client, bytes);
    },
    join(response, last) {
      if (clients.size >= most) return false;
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'keep-alive',
        'x-accel-buffering': 'no',
      });
      const [seenEpoch, seen] = (last ?? '').split('-');
      const from = Number(seen);
      const isKept = seenEpoch === epoch && from >= (kept[0]?.number ?? number + 1) - 1 && from <= number;
      if (isKept) for (const event of kept) if (event.number > from) response.write(event.frame);
      if (!isKept) response.write(frame('reset', { reason: last === undefined ? 'new' : 'missed' }));
      clients.add(response);
      response.on('close', () => clients.delete(response));
      return true;
    },
    get clients() {
      return clients.size;
    },
    close() {
      clearInterval(timer);
      for (const client of clients) client.end();
      clients.clear();
    },
  };
}
