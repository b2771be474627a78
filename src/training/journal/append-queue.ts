/**
 * @file Appends to several files in the background. Nobody waits for it and it never throws: where a write fails, it
 * stops and says so once, and the files end with their last whole piece.
 */
import type { FileHandle } from 'node:fs/promises';

export interface AppendFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Bytes that are surely in the file. */
  size: number;
}

export interface AppendQueue {
  append(file: AppendFile, bytes: Uint8Array | string): void;
  /** Other work on the files, in its place between what is appended. */
  add(work: () => Promise<void>): void;
  /** Waits until all is written, but no longer than this; false when it is not. */
  drain(milliseconds: number): Promise<boolean>;
  readonly stopped: boolean;
}

/** A disk that does not answer: more than this is not held for it. */
const mostWaitingBytes = 32 * 2 ** 20;

type Task =
  | { readonly file: AppendFile; readonly bytes: Uint8Array }
  | { readonly work: () => Promise<void> };

/** Pieces for the same file that follow each other are one write. */
function takeAppends(tasks: Task[]): Map<AppendFile, Uint8Array[]> {
  const pieces = new Map<AppendFile, Uint8Array[]>();
  for (let task = tasks[0]; task !== undefined && 'file' in task; task = tasks[0]) {
    const own = pieces.get(task.file) ?? [];
    own.push(task.bytes);
    pieces.set(task.file, own);
    tasks.shift();
  }
  return pieces;
}

async function writePieces(file: AppendFile, pieces: readonly Uint8Array[]): Promise<void> {
  const bytes = Buffer.concat(pieces);
  try {
    await file.handle.appendFile(bytes);
    file.size += bytes.length;
  } catch (error) {
    await file.handle.truncate(file.size).catch(() => undefined); // not every device can
    throw error;
  }
}

export function openAppendQueue(onFailure: (cause: unknown) => void): AppendQueue {
  const tasks: Task[] = [];
  let waitingBytes = 0;
  let [isRunning, stopped] = [false, false];
  let idle = Promise.resolve();

  const fail = (cause: unknown): void => {
    if (stopped) return;
    stopped = true;
    tasks.length = 0;
    onFailure(cause);
  };
  const run = async (): Promise<void> => {
    try {
      while (tasks.length > 0 && !stopped) {
        if ('work' in tasks[0]) await (tasks.shift() as { work: () => Promise<void> }).work();
        else {
          const all = [...takeAppends(tasks)];
          const written = await Promise.allSettled(all.map(([file, pieces]) => writePieces(file, pieces)));
          for (const [, pieces] of all) for (const { length } of pieces) waitingBytes -= length;
          for (const one of written) if (one.status === 'rejected') throw one.reason;
        }
      }
    } catch (error) {
      fail(error);
    }
    isRunning = false;
  };
  const start = (task: Task): void => {
    if (stopped) return;
    tasks.push(task);
    if (isRunning) return;
    isRunning = true;
    idle = run();
  };
  return {
    get stopped() {
      return stopped;
    },
    append(file, bytes) {
      const piece = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
      waitingBytes += piece.length;
      if (waitingBytes > mostWaitingBytes) fail(new Error('the disk does not answer'));
      else start({ file, bytes: piece });
    },
    add: work => start({ work }),
    async drain(milliseconds) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>(resolve => {
        timer = setTimeout(() => resolve(false), milliseconds);
      });
      const done = await Promise.race([idle.then(() => true), late]);
      clearTimeout(timer);
      return done && !stopped;
    },
  };
}
