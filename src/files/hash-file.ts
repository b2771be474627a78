/** @file sha256 of a file, here or in a thread of its own; imports nothing, so that such a thread starts at once. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** sha256 of a file from `start` on, streamed, hex; `onBytes` is told of every block. */
export async function hashFile(path: string, start = 0, onBytes?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(path, { start, highWaterMark: 2 ** 20 })) {
    hash.update(block as Buffer);
    onBytes?.((block as Buffer).length);
  }
  return hash.digest('hex');
}

export interface ThreadedHash {
  readonly hash: Promise<string>;
  /** Ends the thread; for a hash that nobody waits for any more. */
  stop(): Promise<unknown>;
}

/** sha256 of a whole file, computed beside the calling thread. */
export function hashFileInThread(path: string): ThreadedHash {
  const worker = new Worker(new URL(import.meta.url), { workerData: { hashedFile: path }, execArgv: [] });
  const hash = new Promise<string>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the hashing thread ended')));
  });
  hash.catch(() => undefined); // whoever waits for it gets the error
  return { hash, stop: () => worker.terminate() };
}

const given = workerData as { readonly hashedFile?: string } | null;
if (!isMainThread && given?.hashedFile !== undefined)
  parentPort?.postMessage(await hashFile(given.hashedFile));
