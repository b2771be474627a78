/** @file What handlers work with. */
import type { JobQueue } from '../jobs/index.ts';
import type { Library } from '../library/index.ts';
import type { DataFolder } from '../workbench/index.ts';
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
  readonly log: StudioLog;
  readonly settings: { get(): ApiSettings; change(edit: Partial<ApiSettings>): Promise<ApiSettings> };
  /** Tells everybody who listens to events. */
  tell<N extends EventName>(name: N, data: EventData<N>): void;
  /** Whether it listens on this machine alone. */
  readonly isLocal: boolean;
  readonly startedAt: number;
}
