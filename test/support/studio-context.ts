/** @file A studio without HTTP for tests: real stores, queue, library and supervisor on a temporary data folder. */
import { rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { openSqliteQueue, openSupervisor } from '../../src/jobs/index.ts';
import { openDatasets, openLibrary, openPictures } from '../../src/library/index.ts';
import { apiRoutes } from '../../src/server/api/index.ts';
import type { StudioContext } from '../../src/server/context.ts';
import { openScan } from '../../src/server/housekeeping.ts';
import { openQueueGate } from '../../src/server/queue-gate.ts';
import { Reply, type RouteRow } from '../../src/server/route.ts';
import { openSettings } from '../../src/server/settings.ts';
import { dataFolderAt, makeDataFolders } from '../../src/workbench/index.ts';
import { temporaryFolder } from './pictures.ts';

export interface TestStudio {
  readonly context: StudioContext;
  /** Names and data of events, as they were told. */
  readonly told: { readonly name: string; readonly data: unknown }[];
  close(): Promise<void>;
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The queue is held unless said: jobs are listed and stay as they are. */
export async function openTestStudio({
  isHeld = true,
  folder = temporaryFolder(),
} = {}): Promise<TestStudio> {
  const data = dataFolderAt(folder);
  makeDataFolders(data);
  const told: { name: string; data: unknown }[] = [];
  const tell: StudioContext['tell'] = (name, facts) => void told.push({ name, data: facts });
  const queue = openSqliteQueue(data.jobsFile);
  const library = openLibrary(data);
  const queueGate = openQueueGate(queue, data);
  await queueGate.set(isHeld);
  const supervisor = await openSupervisor({ queue: queueGate.queue, data });
  const context: StudioContext = {
    ...{ data, queue, queueGate, library, supervisor, tell, log: silent },
    ...{ datasets: openDatasets(data), pictures: openPictures(data), isLocal: true, startedAt: Date.now() },
    settings: openSettings(data.settingsFile, () => undefined),
    scans: openScan({ library, log: silent, tell }),
    ...{ secret: 'secret of a test', address: () => 'http://127.0.0.1:7860' },
    previewOf: (id, name) => supervisor.previewOf(id, name ?? ''),
    releaseMemory: () => supervisor.recycle(),
  };
  return {
    context,
    told,
    async close() {
      await context.scans.stop();
      await supervisor.stop();
      context.pictures.close();
      context.datasets.close();
      library.close();
      await queue.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Asked {
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  readonly bytes?: Uint8Array | undefined;
  readonly stream?: Readable | undefined;
}

function matching(rows: readonly RouteRow[], method: string, path: string) {
  const parts = path.split('/');
  for (const row of rows) {
    const own = row.path.split('/');
    if (row.method !== method || own.length !== parts.length) continue;
    if (!own.every((part, i) => part.startsWith(':') || part === parts[i])) continue;
    const params = Object.fromEntries(
      own.flatMap((part, i) => (part.startsWith(':') ? [[part.slice(1), decodeURIComponent(parts[i])]] : [])),
    );
    return { row, params };
  }
  throw new Error(`there is no ${method} ${path}`);
}

const parse = (schema: z.ZodType | undefined, value: unknown): unknown => schema?.parse(value ?? {});

/**
 * Asks a row of the API directly, as the app does: schemas first. Its answer has to be what its response schema says, and
 * nothing more.
 */
export async function ask(
  { context }: TestStudio,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  { query, body, bytes, stream = bytes && Readable.from([bytes]) }: Asked = {},
  // biome-ignore lint/suspicious/noExplicitAny: tests look at answers of every route
): Promise<any> {
  const [plain, search] = path.split('?');
  const { row, params } = matching(apiRoutes, method, plain);
  const asked = { ...Object.fromEntries(new URLSearchParams(search)), ...query };
  const answer = await row.handle(context, {
    params: parse(row.params, params),
    query: parse(row.query, asked),
    body: stream ? undefined : parse(row.body, body),
    ...{ signal: new AbortController().signal, headers: {}, stream, files: [] },
  });
  if (answer instanceof Reply) return answer;
  const json: unknown = JSON.parse(JSON.stringify(answer ?? {}));
  if (!row.response) throw new Error(`${method} ${path} has no response schema, and yet it answers JSON`);
  const read: unknown = row.response.parse(json);
  const untold = JSON.stringify(json).length - JSON.stringify(read).length;
  if (untold !== 0)
    throw new Error(`${method} ${path}: the answer holds more than its schema says: ${JSON.stringify(json)}`);
  return read;
}

/** The code of the error that something ends with; fails where it does not. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return (error as { code?: string; name: string }).code ?? (error as Error).name;
  }
  return 'no error';
}
