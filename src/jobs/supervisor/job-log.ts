/** @file The log of a job: a line of JSON an entry, up to a size. Never throws: a full disk must not fail a job. */
import { appendFile, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DataFolder } from '../../workbench/index.ts';
import { isJobId, jobFolderOf } from './job-folder.ts';

export interface JobLogs {
  write(jobId: string, entry: Readonly<Record<string, unknown>>): void;
  /** Waits until everything is written, or was not. */
  flush(): Promise<void>;
}

const usualMaxBytes = 2 ** 20;

export function openJobLogs(data: DataFolder, now: () => number, maxBytes = usualMaxBytes): JobLogs {
  const writing = new Map<string, Promise<void>>();
  const full = new Set<string>();

  const append = async (path: string, line: string): Promise<void> => {
    if (full.has(path)) return;
    await mkdir(dirname(path), { recursive: true });
    const size = await stat(path).then(
      facts => facts.size,
      () => 0,
    );
    const isLast = size + line.length > maxBytes;
    if (isLast) full.add(path);
    await appendFile(path, isLast ? `${JSON.stringify({ time: now(), event: 'log full' })}\n` : line);
  };

  return {
    write: (jobId, entry) => {
      if (!isJobId(jobId)) return;
      const { log } = jobFolderOf(data, jobId);
      const line = `${JSON.stringify({ time: now(), ...entry })}\n`;
      const before = writing.get(jobId) ?? Promise.resolve();
      const written = before.then(() => append(log, line)).catch(() => undefined);
      writing.set(jobId, written);
      void written.then(() => {
        if (writing.get(jobId) === written) writing.delete(jobId);
      });
    },
    flush: async () => {
      await Promise.all(writing.values());
    },
  };
}
