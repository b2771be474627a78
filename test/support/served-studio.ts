/** @file A whole studio on a port for tests: in this process, or as a user starts it, in one of its own; and raw sockets to it. */
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { node, type Running, start } from './command-line.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  readonly ms: number;
}

export interface Sent {
  readonly method?: string;
  /** As it stands in the request line: nothing of it is made plain. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

export interface Place {
  readonly port: number;
  readonly token: string;
}

const shared = new Agent({ keepAlive: true, maxSockets: 8 });

/** One request, with the token unless another `authorization` is said. */
export function send({ port, token }: Place, sent: Sent): Promise<Answer> {
  const { method = 'GET', path, headers = {}, body, agent = shared, timeoutMs = 30_000 } = sent;
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const options = {
      ...{ host: '127.0.0.1', port, method, path, agent, timeout: timeoutMs },
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
    };
    const asking = request(options, answer => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const bytes = Buffer.concat(parts);
        const ms = performance.now() - began;
        const { statusCode: status = 0, headers: found } = answer;
        resolve({ status, headers: found, bytes, text: bytes.toString('utf8'), ms });
      });
    });
    asking.on('timeout', () => asking.destroy(new Error(`${method} ${path.slice(0, 80)}: no answer`)));
    asking.on('error', reject);
    asking.end(body);
  });
}

export const sendJson = (place: Place, method: string, path: string, body: unknown): Promise<Answer> =>
  send(place, {
    ...{ method, path, headers: { 'content-type': 'application/json' } },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });

/** What comes back for these bytes over a bare socket, until the other side closes it or is silent for so long. */
export async function rawAnswer(port: number, bytes: string | Uint8Array, silentMs = 400): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', part => {
    text += part.toString('latin1');
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  await new Promise<void>(resolve => {
    socket.setTimeout(silentMs, resolve);
    socket.on('close', resolve);
  });
  socket.destroy();
  return text;
}

export const openSocket = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

export interface StartedStudio extends Place {
  readonly pid: number;
  readonly running: Running;
  /** What it printed at its start. */
  readonly said: { readonly address: string; readonly data: string; readonly signInAddress: string };
}

/** `lora studio` as a process of its own; rejects with what it says where it does not start. */
export async function startProcess(data: string, words: string[] = []): Promise<StartedStudio> {
  const running = start(
    ['src/cli/main.ts', 'studio', '--data', data, '--port', '0', '--no-open', '--json', ...words],
    [node, '--disable-warning=ExperimentalWarning'],
  );
  let text = '';
  const said = await new Promise<StartedStudio['said'] & { token: string; port: number; pid: number }>(
    (resolve, reject) => {
      running.process.stdout?.on('data', (part: Buffer) => {
        text += part.toString('utf8');
        try {
          const found = JSON.parse(text);
          if (found.address) resolve(found);
        } catch {} // the object goes on
      });
      void running.outcome.then(({ status, stderr, stdout }) =>
        reject(new Error(`status ${status}: ${stderr}${stdout}`)),
      );
    },
  );
  return { port: said.port, token: said.token, pid: said.pid, running, said };
}

/** Ends it as Ctrl-C or a service manager does. */
export async function endProcess(
  { running }: Pick<StartedStudio, 'running'>,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<{ status: number; ms: number; stderr: string }> {
  const began = performance.now();
  running.process.kill(signal);
  const { status, stderr } = await running.outcome;
  return { status, stderr, ms: performance.now() - began };
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      sum += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return sum;
}

/** The share of sorted values below which so many lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
