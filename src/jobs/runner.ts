/** @file What a kind of job is to the child process that does it. */
import type { JobProgress } from './queue.ts';

/** Where a job reads and writes; all absolute. */
export interface JobPlaces {
  /** The data folder. */
  readonly data: string;
  /** The job's own folder: stays between attempts, so that a run goes on where it was. Removed some days after its end. */
  readonly work: string;
  /** The attempt's own folder, empty at its start: finished files come here and are published from here. */
  readonly staging: string;
  /** Derived files that may be deleted at any time. */
  readonly cache: string;
}

/** Ids to paths, looked up again for every job: a LoRA may have been moved or deleted meanwhile. Throws *_UNKNOWN, *_MISSING. */
export interface JobNames {
  base(id: string): { path: string; name: string };
  lora(id: string): { path: string; name: string };
  dataset(id: string): { path: string; name: string };
  /** An uploaded picture, re-encoded. */
  upload(id: string): string;
  /** Folders in which LoRAs of prompts are looked for. */
  readonly loraFolders: readonly string[];
  readonly embeddingFolders: readonly string[];
  readonly wildcardFolders: readonly string[];
}

export interface StagedFile {
  /** Within the job. */
  readonly name: string;
  readonly type: 'picture' | 'lora' | 'checkpoint' | 'sheet' | 'file';
  /** Absolute, in `staging` or `work`. */
  readonly path: string;
  /** What people will see in their folder: `zorbi.safetensors`. */
  readonly fileName: string;
}

export interface JobContext {
  readonly jobId: string;
  readonly attempt: number;
  readonly places: JobPlaces;
  readonly names: JobNames;
  /** At most a few a second are passed on; the last one always is. */
  progress(progress: JobProgress): void;
  /** A small picture of how far it is (JPEG or PNG); `name` tells several apart, e.g. `preview-0`. */
  preview(name: string, bytes: Uint8Array): void;
  /** A line for the job's log. */
  note(text: string): void;
  /** Aborts for cancel, pause, and a stop of the studio; a run saves its state and ends. */
  readonly signal: AbortSignal;
  /** Waits while others go first. To be called between two steps; returns at once when nobody waits. */
  yieldToOthers(): Promise<void>;
}

export interface JobOutcome {
  readonly files: readonly StagedFile[];
  /** Plain JSON. */
  readonly result?: unknown;
}

/**
 * Does one attempt. Throws LoraError for answers that trying again would not change; anything else counts as a fault
 * and is tried again. An abort ends it with an AbortError, or with an outcome if it was already done.
 */
export type JobRunner<P> = (payload: P, context: JobContext) => Promise<JobOutcome>;

/** A runner that keeps things open between jobs; see `lane` in kinds.ts. */
export interface OpenRunner<P> {
  readonly run: JobRunner<P>;
  /** Closes what large models hold, so that others have the memory. */
  release(): Promise<void>;
}
