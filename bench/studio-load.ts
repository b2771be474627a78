/**
 * @file The studio under load while a training run is active: 50 requests a second on list and status routes, 200 listeners,
 * and what both cost the training run; and the first load of the page.
 * `node bench/studio-load.ts [seconds]` (60 unless said) starts `lora studio` with a data folder of its own.
 */
import { readFileSync, rmSync } from 'node:fs';
import { Agent, type ClientRequest, request } from 'node:http';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { table } from '../src/workbench/index.ts';
import { temporaryFolder } from '../test/support/pictures.ts';
import {
  endProcess,
  type Place,
  percentile,
  type StartedStudio,
  send,
  sendJson,
  startProcess,
} from '../test/support/served-studio.ts';

const trainingId = 'trains-on-and-on';

/** What a page and clients ask again and again. */
export const loadedPaths: readonly string[] = [
  '/api/v1/status',
  '/api/v1/jobs?limit=100',
  '/api/v1/jobs?state=queued&limit=50',
  `/api/v1/jobs/${trainingId}`,
  `/api/v1/jobs/${trainingId}/training?most=500`,
  '/api/v1/library/cards?limit=60',
  '/api/v1/library/facets',
  '/api/v1/pictures?limit=60',
  '/api/v1/datasets',
  '/sdapi/v1/progress?skip_current_image=true',
];

/** A studio that trains the embedded model for hours, with a queue behind it. */
export async function startTraining(data: string): Promise<StartedStudio> {
  const studio = await startProcess(data);
  try {
    await fillWithWork(studio);
    return studio;
  } catch (error) {
    await endProcess(studio);
    throw error;
  }
}

async function fillWithWork(studio: Place): Promise<void> {
  const recipe = { steps: 1_000_000, validationShare: 0, textTargets: null };
  await accepted(studio, '/api/v1/jobs', {
    ...{ kind: 'train', id: trainingId },
    payload: { name: 'zorbi', dataset: 'example:zorbi-character', recipe },
  });
  while ((await stepOf(studio)) < 3) await delay(200);
  await accepted(studio, '/api/v1/queue/pause', {});
  for (let i = 0; i < 300; i++)
    await accepted(studio, '/api/v1/jobs', {
      kind: 'generate',
      payload: { prompt: `a zorbi, picture ${i}` },
    });
}

async function accepted(place: Place, path: string, body: unknown): Promise<void> {
  const { status, text } = await sendJson(place, 'POST', path, body);
  if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
}

interface Training {
  readonly state: string;
  readonly error?: { readonly message: string };
  readonly progress?: { readonly detail?: { readonly step?: number } };
}

async function stepOf(place: Place): Promise<number> {
  const { text } = await send(place, { path: `/api/v1/jobs/${trainingId}` });
  const { state, error, progress } = JSON.parse(text) as Training;
  if (state === 'failed') throw new Error(`the training run failed: ${error?.message}`);
  return progress?.detail?.step ?? 0;
}

/** The middle of the seconds that steps took, as the run wrote them down, from one step to another. */
async function secondsAStep(place: Place, from: number, to: number): Promise<number> {
  const path = `/api/v1/jobs/${trainingId}/training?after=${from}`;
  const { steps } = JSON.parse((await send(place, { path })).text) as {
    steps: { step: number; seconds: number }[];
  };
  const times = steps.filter(({ step }) => step <= to).map(({ seconds }) => seconds);
  return times.reduce((sum, one) => sum + one, 0) / times.length;
}

export interface Load {
  readonly requests: number;
  readonly errors: readonly string[];
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** How late this process itself came to ask, p99: what the machine makes everybody wait. */
  readonly machine: number;
  /** p99 of each path. */
  readonly byPath: ReadonlyMap<string, number>;
}

/** So many requests a second at fixed times: an answer that is late does not hold up the next question. */
export async function putLoad(place: Place, rate: number, seconds: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const [times, waits]: [number[], number[]] = [[], []];
  const ofPath = new Map<string, number[]>(loadedPaths.map(path => [path, []]));
  const errors: string[] = [];
  const start = performance.now();
  const asked: Promise<void>[] = [];
  for (let i = 0; i < rate * seconds; i++) {
    const due = start + (1000 * i) / rate;
    const wait = due - performance.now();
    if (wait > 0) await delay(wait);
    waits.push(performance.now() - due);
    const path = loadedPaths[i % loadedPaths.length];
    const one = send(place, { path, agent }).then(
      ({ status, text }) => {
        if (status !== 200) errors.push(`${path}: ${status} ${text.slice(0, 200)}`);
        const late = performance.now() - due;
        times.push(late);
        ofPath.get(path)?.push(late);
      },
      (error: unknown) => void errors.push(`${path}: ${String(error)}`),
    );
    asked.push(one);
  }
  await Promise.all(asked);
  agent.destroy();
  return {
    ...{ requests: times.length, errors, p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
    ...{ longest: Math.max(...times), machine: percentile(waits, 0.99) },
    byPath: new Map([...ofPath].map(([path, found]) => [path, percentile(found, 0.99)])),
  };
}

const memoryOf = ({ pid }: { readonly pid: number }): number => {
  try {
    const [, kB] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kB ?? 0) * 1024;
  } catch {
    return 0; // another system
  }
};

interface Listeners {
  /** When each heard a status event that began after `since`, in milliseconds after it. */
  heard(since: number): number[];
  stop(): void;
}

async function listen(place: Place, count: number): Promise<Listeners> {
  const last: number[] = Array.from({ length: count }, () => 0);
  const asked: ClientRequest[] = [];
  await Promise.all(
    last.map(
      (_, i) =>
        new Promise<void>((resolve, reject) => {
          const headers = { authorization: `Bearer ${place.token}` };
          const one = request(
            { host: '127.0.0.1', port: place.port, path: '/api/v1/events', headers, agent: false },
            answer => {
              answer.on('data', (part: Buffer) => {
                if (part.includes('event: status')) last[i] = performance.now();
              });
              resolve();
            },
          );
          one.on('error', reject);
          one.end();
          asked.push(one);
        }),
    ),
  );
  return {
    heard: since => last.map(at => at - since),
    stop: () => {
      for (const one of asked) one.destroy();
    },
  };
}

export interface Heard {
  readonly clients: number;
  readonly latest: number;
  readonly missed: number;
  readonly bytes: number;
}

/** Everybody who listens is told of a change, again and again. */
export async function measureEvents(studio: StartedStudio, clients: number, changes: number): Promise<Heard> {
  const before = memoryOf(studio);
  const listeners = await listen(studio, clients);
  let [latest, missed] = [0, 0];
  for (let i = 0; i < changes; i++) {
    const since = performance.now();
    await accepted(studio, '/api/v1/queue/pause', {});
    await delay(1000);
    const heard = listeners.heard(since);
    missed += heard.filter(ms => ms < 0).length;
    latest = Math.max(latest, ...heard.filter(ms => ms < 1000));
  }
  const bytes = memoryOf(studio) - before;
  listeners.stop();
  return { clients, latest, missed, bytes };
}

interface PageLoad {
  readonly files: number;
  readonly bytes: number;
  /** Of what index.html names. */
  readonly scriptBytes: number;
  /** With those that are fetched when their page is opened. */
  readonly allScriptBytes: number;
  readonly milliseconds: number;
}

/** Packed sizes of scripts, and of all that they name, and so on. */
async function scriptsFrom(place: Place, paths: readonly string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const left = [...paths];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (sizes.has(path)) continue;
    const { text, bytes } = await send(place, { path });
    sizes.set(path, gzipSync(bytes, { level: 9 }).length);
    for (const [, name] of text.matchAll(/["'`/]([\w.-]+-[\w-]{8}\.js)["'`]/g)) left.push(`/assets/${name}`);
  }
  return sizes;
}

/** What index.html names, as a browser with an empty cache fetches it. */
export async function loadPage(place: Place): Promise<PageLoad> {
  const start = performance.now();
  const headers = { 'accept-encoding': 'gzip' };
  const page = await send(place, { path: '/' });
  const paths = [...page.text.matchAll(/(?:src|href)="\.?(\/[^"]+)"/g)].map(([, path]) => path);
  const answers = await Promise.all(paths.map(path => send(place, { path, headers })));
  const milliseconds = performance.now() - start;
  const scripts = answers.filter((_, i) => paths[i].endsWith('.js'));
  const all = await scriptsFrom(
    place,
    paths.filter(path => path.endsWith('.js')),
  );
  return {
    ...{ files: answers.length + 1, milliseconds },
    bytes: gzipSync(page.bytes).length + answers.reduce((sum, { bytes }) => sum + bytes.length, 0),
    scriptBytes: scripts.reduce((sum, { bytes }) => sum + bytes.length, 0),
    allScriptBytes: [...all.values()].reduce((sum, bytes) => sum + bytes, 0),
  };
}

export interface Compared {
  readonly load: Load;
  /** Seconds a step. */
  readonly quiet: number;
  readonly loaded: number;
}

/** In turns without and with load, so that what else the machine does falls on both. */
export async function compareTraining(
  studio: StartedStudio,
  rate: number,
  seconds: number,
  turns = 2,
): Promise<Compared> {
  const loads: Load[] = [];
  const [quiet, loaded]: [number[], number[]] = [[], []];
  for (let i = 0; i < turns; i++) {
    const first = await stepOf(studio);
    await delay((1000 * seconds) / turns);
    const between = await stepOf(studio);
    loads.push(await putLoad(studio, rate, seconds / turns));
    const last = await stepOf(studio);
    quiet.push(await secondsAStep(studio, first, between));
    loaded.push(await secondsAStep(studio, between, last));
  }
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    load: {
      requests: loads.reduce((sum, { requests }) => sum + requests, 0),
      errors: loads.flatMap(({ errors }) => errors),
      p50: mean(loads.map(({ p50 }) => p50)),
      p99: Math.max(...loads.map(({ p99 }) => p99)),
      longest: Math.max(...loads.map(({ longest }) => longest)),
      machine: Math.max(...loads.map(({ machine }) => machine)),
      byPath: new Map(
        loadedPaths.map(path => [path, Math.max(...loads.map(({ byPath }) => byPath.get(path) ?? 0))]),
      ),
    },
    ...{ quiet: mean(quiet), loaded: mean(loaded) },
  };
}

async function main(seconds: number): Promise<void> {
  const data = join(temporaryFolder(), 'data');
  const studio = await startTraining(data);
  try {
    const page = await loadPage(studio);
    const events = await measureEvents(studio, 200, 10);
    const { load, quiet, loaded } = await compareTraining(studio, 50, seconds);
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    const rows = [
      ['what', 'measured', 'to reach'],
      [`${load.requests} requests, 50 a second: p50`, ms(load.p50), ''],
      ['p99', ms(load.p99), '100 ms'],
      ['the longest', ms(load.longest), ''],
      ['how late the questions themselves were, p99', ms(load.machine), ''],
      ['errors', String(load.errors.length), '0'],
      ['a step of training without load', ms(1000 * quiet), ''],
      ['with load', `${ms(1000 * loaded)} (${((loaded / quiet - 1) * 100).toFixed(1)} %)`, '+5 %'],
      [`${events.clients} listeners: the latest update`, ms(events.latest), '1000 ms'],
      ['updates that were not heard', String(events.missed), '0'],
      ['memory of the server for them', `${(events.bytes / 1e6).toFixed(1)} MB`, '100 MB'],
      [`the page, ${page.files} files: fetched in`, ms(page.milliseconds), '1000 ms'],
      ['its scripts, gzip', `${(page.scriptBytes / 1000).toFixed(1)} kB`, ''],
      ['all scripts, gzip', `${(page.allScriptBytes / 1000).toFixed(1)} kB`, '200 kB'],
      ['all of it', `${(page.bytes / 1000).toFixed(1)} kB`, ''],
    ];
    const loads = loadavg().map(value => value.toFixed(1));
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loads.join(' ')}; ${seconds} s`);
    console.log(table(rows).join('\n'));
    for (const [path, p99] of load.byPath) console.log(`${ms(p99).padStart(10)}  p99 of ${path}`);
    for (const error of load.errors.slice(0, 5)) console.log(error);
  } finally {
    await endProcess(studio);
    rmSync(data, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(Number(process.argv[2] ?? 60));
