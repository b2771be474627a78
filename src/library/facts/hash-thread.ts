/** @file All hashes of a file in one pass, in a thread of its own; imports nothing else, so that the thread starts at once. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export interface FileHashes {
  /** sha256 of 64 KiB at 1 MiB, 8 digits; undefined for files that are shorter. */
  readonly autoV1?: string;
  readonly sha256: string;
  /** sha256 from the start of the tensor data on. */
  readonly body: string;
}

const legacy = { start: 0x100000, end: 0x110000 };

async function hashesOf(path: string, dataOffset: number): Promise<FileHashes> {
  const [whole, body, old] = [createHash('sha256'), createHash('sha256'), createHash('sha256')];
  let at = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    const block = chunk as Buffer;
    whole.update(block);
    body.update(block.subarray(Math.max(0, Math.min(block.length, dataOffset - at))));
    if (at < legacy.end && at + block.length > legacy.start)
      old.update(block.subarray(Math.max(0, legacy.start - at), legacy.end - at));
    at += block.length;
  }
  return {
    ...(at > legacy.start ? { autoV1: old.digest('hex').slice(0, 8) } : {}),
    ...{ sha256: whole.digest('hex'), body: body.digest('hex') },
  };
}

interface Given {
  readonly cardFile?: string;
  readonly dataOffset?: number;
}

/** Hashes beside the calling thread; `signal` ends it. */
export function hashInThread(path: string, dataOffset: number, signal?: AbortSignal): Promise<FileHashes> {
  signal?.throwIfAborted();
  const given: Given = { cardFile: path, dataOffset };
  const worker = new Worker(new URL(import.meta.url), { workerData: given, execArgv: [] });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  return new Promise<FileHashes>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(signal?.reason ?? new Error('the hashing thread ended')));
  }).finally(() => signal?.removeEventListener('abort', stop));
}

const given = workerData as Given | null;
if (!isMainThread && given?.cardFile !== undefined)
  parentPort?.postMessage(await hashesOf(given.cardFile, given.dataOffset ?? 0));
