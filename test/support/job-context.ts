/** @file A job's context in tests: real folders and real files, and everything that a runner says in lists. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openNames } from '../../src/jobs/names.ts';
import type { JobProgress } from '../../src/jobs/queue.ts';
import type { JobContext, JobNames } from '../../src/jobs/runner.ts';
import type { CardUse, LibraryFolder, WholeCard } from '../../src/library/index.ts';
import { type DataFolder, dataFolderAt, makeDataFolders } from '../../src/workbench/index.ts';
import { temporaryFolder } from './pictures.ts';

export interface TestCard {
  readonly path: string;
  readonly use: CardUse;
}

/** A data folder with a library of these files, and of these folders beside its own. */
export interface TestStudio {
  readonly data: DataFolder;
  readonly names: JobNames;
  /** By id; may be added to and changed. */
  readonly cards: Map<string, TestCard>;
}

const cardAt = (id: string, { path, use }: TestCard): WholeCard =>
  ({
    ...{ id, use, fileName: path.split(/[/\\]/).at(-1) ?? '', state: 'present' },
    name: (path.split(/[/\\]/).at(-1) ?? '').replace(/\.safetensors$/, ''),
  }) as WholeCard;

export function openTestStudio(
  folders: readonly { readonly path: string; readonly uses: readonly CardUse[] }[] = [],
): TestStudio {
  const data = dataFolderAt(join(temporaryFolder(), 'data'));
  makeDataFolders(data);
  const cards = new Map<string, TestCard>();
  const names = openNames(data, {
    card: id => {
      const found = cards.get(id);
      return found && cardAt(id, found);
    },
    pathOf: id => cards.get(id)?.path ?? '',
    folders: () =>
      folders.map(
        ({ path, uses }, i): LibraryFolder => ({
          ...{ id: String(i), path, uses, layout: 'folder', state: 'present', files: 0 },
        }),
      ),
  });
  return { data, names, cards };
}

export interface TestJobOptions {
  readonly jobId?: string;
  readonly attempt?: number;
  readonly yieldToOthers?: () => Promise<void>;
  /** Told of all progress; may abort. */
  readonly onProgress?: (progress: JobProgress, abort: () => void) => void;
}

export interface TestJob {
  readonly context: JobContext;
  readonly notes: string[];
  readonly told: JobProgress[];
  readonly previews: { readonly name: string; readonly bytes: Uint8Array }[];
  abort(): void;
}

let jobs = 0;

/** An attempt at a job; the same `jobId` has the same folder of its own. */
export function openTestJob({ data, names }: TestStudio, options: TestJobOptions = {}): TestJob {
  const { jobId = `job-${String(jobs++).padStart(8, '0')}`, attempt = 1, onProgress } = options;
  const work = join(data.jobs, jobId, 'work');
  const staging = join(data.jobs, jobId, `attempt-${attempt}`);
  for (const folder of [work, staging]) mkdirSync(folder, { recursive: true });
  const aborting = new AbortController();
  const abort = (): void => aborting.abort(new DOMException('the job was asked to end', 'AbortError'));
  const [notes, told]: [string[], JobProgress[]] = [[], []];
  const previews: { name: string; bytes: Uint8Array }[] = [];
  const context: JobContext = {
    ...{ jobId, attempt, names, signal: aborting.signal },
    places: { data: data.path, work, staging, cache: data.cache },
    progress(progress) {
      told.push(JSON.parse(JSON.stringify(progress)) as JobProgress);
      onProgress?.(progress, abort);
    },
    preview: (name, bytes) => previews.push({ name, bytes }),
    note: text => notes.push(text),
    yieldToOthers: options.yieldToOthers ?? (async () => undefined),
  };
  return { context, notes, told, previews, abort };
}
