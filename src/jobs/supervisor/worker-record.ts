/**
 * @file Who works on a data folder: ids of its supervisors, and their children. A folder has one supervisor at a time (the
 * studio locks it), so whoever the record names at a start is dead, or an orphan that has not noticed yet.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../files/index.ts';
import type { DataFolder } from '../../workbench/index.ts';
import { killProcess, type ProcessIdentity } from './process-identity.ts';

const record = z.object({
  workers: z.array(z.string()),
  children: z.array(z.object({ pid: z.number().int().positive(), began: z.string() })),
});

export interface WorkerRecord {
  /** Supervisors before this one, whose leases nobody holds. */
  readonly deadWorkers: readonly string[];
  /** How many children of theirs were still running. */
  readonly killed: number;
  /** Before a child gets its first job. */
  add(child: ProcessIdentity): Promise<void>;
  remove(child: ProcessIdentity): void;
  /** The supervisor ends cleanly. */
  close(): Promise<void>;
}

async function readRecord(path: string): Promise<z.output<typeof record>> {
  try {
    return record.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { workers: [], children: [] }; // the first start; or damaged: leases run out by themselves
  }
}

/** Kills children of dead supervisors, and writes down that `worker` works here now. */
export async function openWorkerRecord(data: DataFolder, worker: string): Promise<WorkerRecord> {
  const path = join(data.jobs, '.workers.json');
  const before = await readRecord(path);
  const killed = await Promise.all(before.children.map(killProcess));
  const children = new Map<number, ProcessIdentity>();
  let writing: Promise<void> = Promise.resolve();
  const write = (workers: readonly string[]): Promise<void> => {
    writing = writing
      .catch(() => undefined)
      .then(() => writeFileAtomic(path, JSON.stringify({ workers, children: [...children.values()] })));
    return writing;
  };
  await write([...before.workers, worker]);
  return {
    deadWorkers: before.workers,
    killed: killed.filter(Boolean).length,
    add: child => {
      children.set(child.pid, child);
      return write([worker]);
    },
    // Written with the next one: a number that is free again belongs to nobody, or to a process that began later.
    remove: child => void children.delete(child.pid),
    close: () => write([]),
  };
}
