/** @file What handlers work with. */
import type { JobQueue, Supervisor } from '../jobs/index.ts';
import type { Datasets, Library, Pictures } from '../library/index.ts';
import type { DataFolder } from '../workbench/index.ts';
import type { LastScan } from './housekeeping.ts';
import type { QueueGate } from './queue-gate.ts';
import type { EventData, EventName } from './schemas/events.ts';
import type { ApiSettings } from './schemas/system.ts';

export interface StudioLog {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

export interface StudioContext {
  readonly data: DataFolder;
  readonly queue: JobQueue;
  readonly library: Library;
  readonly datasets: Datasets;
  readonly pictures: Pictures;
  readonly supervisor: Supervisor;
  readonly log: StudioLog;
  readonly settings: { get(): ApiSettings; change(edit: Partial<ApiSettings>): Promise<ApiSettings> };
  /** Holds the queue as a whole; see queue-gate.ts. */
  readonly queueGate: Pick<QueueGate, 'isPaused' | 'set'>;
  /** Looks through the library's folders; see housekeeping.ts. */
  readonly scans: {
    scan(): Promise<void>;
    state(): { isRunning: boolean; done: number; total: number };
    last(): LastScan | undefined;
    stop(): Promise<void>;
  };
  /** Tells everybody who listens to events. */
  tell<N extends EventName>(name: N, data: EventData<N>): void;
  /** Whether it listens on this machine alone. */
  readonly isLocal: boolean;
  readonly startedAt: number;
  /** Signs addresses that work without a token for a while; of the token, but it cannot be read out of it. */
  readonly secret: string;
  /** `http://127.0.0.1:7860`, under which clients reach it. */
  readonly address: () => string;
  /** The newest live preview of a job, as the child made it. */
  readonly previewOf: (jobId: string, name?: string) => Uint8Array | undefined;
  /** Closes what children hold open between jobs. */
  readonly releaseMemory: () => Promise<void>;
}
