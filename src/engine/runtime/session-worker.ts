/** @file A session in a worker thread: this file is both the side that asks and, loaded as a worker, the one that runs. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Tensor } from '../tensor/tensor.ts';
import { type Feed, openRawSession, type RawSession, type SessionSetUp } from './raw-session.ts';

interface Request {
  readonly id: number;
  readonly feeds: Readonly<Record<string, Feed>>;
}

type Answer =
  | { readonly id: number; readonly results: Record<string, Tensor> }
  | { readonly id: number; readonly error: string };

interface Pending {
  resolve(results: Record<string, Tensor>): void;
  reject(error: Error): void;
}

/** Id of the message that says that the session is open. */
const opened = 0;

/** Starts a thread that opens the session; rejects with what ONNX Runtime says when it cannot. */
export async function startSessionWorker(setUp: SessionSetUp): Promise<RawSession> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { sessionSetUp: setUp }, execArgv: [] });
  const pending = new Map<number, Pending>();
  let nextId = opened;
  const answerOf = (id: number): Promise<Record<string, Tensor>> =>
    new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      worker.ref(); // only a thread that owes an answer keeps the process alive
    });
  const failAll = (error: Error): void => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on('message', (answer: Answer) => {
    const waiting = pending.get(answer.id);
    pending.delete(answer.id);
    if (pending.size === 0) worker.unref();
    if ('results' in answer) waiting?.resolve(answer.results);
    else waiting?.reject(new Error(answer.error));
  });
  worker.on('error', failAll);
  worker.on('exit', () => failAll(new Error('the session thread ended')));
  await answerOf(nextId++);
  return {
    run(feeds) {
      const id = nextId++;
      worker.postMessage({ id, feeds } satisfies Request);
      return answerOf(id);
    },
    async release() {
      await worker.terminate();
    },
  };
}

async function serve(setUp: SessionSetUp, send: (answer: Answer) => void): Promise<void> {
  const attempt = async (id: number, work: () => Promise<Record<string, Tensor>>): Promise<void> => {
    try {
      send({ id, results: await work() });
    } catch (error) {
      send({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
  const session = openRawSession(setUp);
  parentPort?.on('message', ({ id, feeds }: Request) => attempt(id, async () => (await session).run(feeds)));
  await attempt(opened, async () => {
    await session;
    return {};
  });
}

const given = workerData as { readonly sessionSetUp?: SessionSetUp } | null;
if (!isMainThread && given?.sessionSetUp) {
  await serve(given.sessionSetUp, answer => {
    const buffers = 'results' in answer ? Object.values(answer.results).map(({ data }) => data.buffer) : [];
    parentPort?.postMessage(answer, buffers as ArrayBuffer[]);
  });
}
