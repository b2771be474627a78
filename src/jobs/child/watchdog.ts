/**
 * @file Ends this process when its parent is gone. A thread of its own looks, because ONNX Runtime blocks the main one for
 * as long as a step takes. Imports nothing else, so that the thread starts at once.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const lookEveryMs = 200;

/** On POSIX an orphan gets another parent; on Windows it keeps the number. */
function isOrphan(parent: number): boolean {
  if (process.platform !== 'win32') return process.ppid !== parent;
  try {
    process.kill(parent, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code !== 'EPERM';
  }
}

/** From now on this process dies, by SIGKILL, soon after `parent` did. */
export function dieWithParent(parent: number): void {
  if (isOrphan(parent)) process.kill(process.pid, 'SIGKILL');
  const watchdog = new Worker(new URL(import.meta.url), { workerData: { parent }, execArgv: [], env: {} });
  watchdog.unref();
}

const given = workerData as { readonly parent?: number } | null;
if (!isMainThread && given?.parent !== undefined) {
  const { parent } = given;
  setInterval(() => {
    if (isOrphan(parent)) process.kill(process.pid, 'SIGKILL');
  }, lookEveryMs);
}
