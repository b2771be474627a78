/** @file The newest small pictures of running jobs, in memory, and for a while those of ended ones. */
import type { JobId } from '../queue.ts';

const keptJobs = 16;
/** A grid shows one a picture. */
const keptNames = 100;

export interface Previews {
  set(jobId: JobId, name: string, bytes: Uint8Array): void;
  get(jobId: JobId, name: string): Uint8Array | undefined;
  namesOf(jobId: JobId): string[];
}

export function openPreviews(): Previews {
  const jobs = new Map<JobId, Map<string, Uint8Array>>();
  return {
    set: (jobId, name, bytes) => {
      const own = jobs.get(jobId) ?? new Map<string, Uint8Array>();
      jobs.delete(jobId);
      jobs.set(jobId, own); // the newest last
      own.delete(name);
      own.set(name, bytes);
      for (const [old] of [...own].slice(0, -keptNames)) own.delete(old);
      for (const [old] of [...jobs].slice(0, -keptJobs)) jobs.delete(old);
    },
    get: (jobId, name) => jobs.get(jobId)?.get(name),
    namesOf: jobId => [...(jobs.get(jobId)?.keys() ?? [])],
  };
}
