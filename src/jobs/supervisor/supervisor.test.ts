import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { node } from '../../../test/support/command-line.ts';
import {
  type FakeStep,
  fakeFile,
  fakeJob,
  isWholeFake,
  openGate,
  readTrace,
} from '../../../test/support/fake-runners.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import type { JobKind } from '../kinds.ts';
import type { Job, JobId, JobQueue, JobState } from '../queue.ts';
import { openSqliteQueue } from '../sqlite/sqlite-queue.ts';
import type { SupervisorOptions } from './settings.ts';
import { openSupervisor, type Supervisor } from './supervisor.ts';

const runners = new URL('../../../test/support/fake-runners.ts', import.meta.url);
const quick: SupervisorOptions['times'] = { heartbeatMs: 200, progressMs: 20, pollMs: 100, restMs: 50 };

const opened: { supervisor: Supervisor; queue: JobQueue }[] = [];
afterEach(async () => {
  for (const { supervisor, queue } of opened.splice(0)) {
    await supervisor.stop();
    await queue.close();
  }
});

interface Studio {
  readonly data: ReturnType<typeof dataFolderAt>;
  readonly queue: JobQueue;
  readonly supervisor: Supervisor;
  add(
    kind: JobKind,
    steps: readonly FakeStep[],
    more?: { priority?: number; maxAttempts?: number },
  ): Promise<JobId>;
  until(id: JobId, ...states: JobState[]): Promise<Job>;
  /** Until the trace has this entry. */
  traced(id: JobId, what: string, attempt?: number): Promise<void>;
  /** `<title>: <what>` in the order in which it happened. */
  story(): string[];
}

const patience = 50_000; // for a machine that does much else

async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  for (const end = performance.now() + patience; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await delay(10);
  }
}

async function openStudio(
  more: Partial<SupervisorOptions> = {},
  path = temporaryFolder(),
  listened: (queue: JobQueue) => JobQueue = queue => queue,
): Promise<Studio> {
  const data = dataFolderAt(path);
  makeDataFolders(data);
  const queue = openSqliteQueue(data.jobsFile, { leaseMs: 5000 });
  const supervisor = await openSupervisor({
    ...{ queue: listened(queue), data, runners, execPath: node, times: { ...quick, ...more.times } },
    ...{ minFreeBytes: 0, ...more },
  });
  opened.push({ supervisor, queue });
  const until: Studio['until'] = (id, ...states) =>
    eventually(
      async () => {
        const job = await queue.get(id);
        return job && states.includes(job.state) ? job : undefined;
      },
      `${id} to be ${states.join(' or ')}`,
    );
  return {
    ...{ data, queue, supervisor, until },
    add: async (kind, steps, options) => {
      const id = `job-${(await queue.list()).total}`;
      await queue.enqueue([{ id, kind, title: id, payload: fakeJob(...steps), ...options }]);
      return id;
    },
    traced: (id, what, attempt = 1) =>
      eventually(
        () =>
          readTrace(path).find(
            entry => entry.jobId === id && entry.what === what && entry.attempt === attempt,
          ),
        `${id}: ${what}`,
      ).then(() => undefined),
    story: () => readTrace(path).map(({ jobId, what }) => `${jobId}: ${what}`),
  };
}

const picture = (fileName: string): FakeStep => ({ do: 'stage', fileName });
/** Files of a folder and its subfolders, without hidden ones. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.\w+$/.test(name))
    .sort();

test('jobs run in the order of the queue, one at a time, and publish each file whole under its name', async () => {
  const { data, add, until, story, queue, supervisor } = await openStudio();
  const notes: string[] = [];
  supervisor.events.on('note', (id, text) => notes.push(`${id}: ${text}`));
  const first = await add('train', [
    { do: 'sleep', ms: 50 },
    { do: 'stage', fileName: 'zorbi.safetensors', type: 'lora' },
  ]);
  const second = await add('compare', [
    picture('a.png'),
    { do: 'stage', fileName: 'sheet.png', type: 'sheet' },
  ]);
  const third = await add('merge', [{ do: 'stage', fileName: 'zorbi.safetensors', type: 'lora' }]);
  const ended = await until(third, 'done');
  expect(story()).toEqual([first, second, third].flatMap(id => [`${id}: begin`, `${id}: end`]));
  expect(filesIn(data.loras)).toEqual(['zorbi-2.safetensors', 'zorbi.safetensors']);
  expect(filesIn(data.grids)).toEqual([`${second}/a.png`, `${second}/sheet.png`]);
  expect(ended.result).toMatchObject({ attempt: 1 });
  const { jobs } = await queue.list();
  for (const { artefacts } of jobs)
    for (const { path } of artefacts) expect(isWholeFake(readFileSync(join(data.path, path)))).toBe(true);
  expect(ended.artefacts).toMatchObject([{ name: 'zorbi.safetensors', path: 'loras/zorbi-2.safetensors' }]);
  expect(notes).toContain(`${first}: attempt 1 begins`);
  const log = readFileSync(join(data.jobs, first, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(log.map(line => JSON.parse(line).event)).toEqual(['begins', 'note', 'ended']);
  // Nothing is left of staging and publication.
  expect(readdirSync(join(data.jobs, first)).sort()).toEqual(['log.jsonl', 'work']);
});

test('pictures go into the folder of the day, in one process; those that nobody keeps, into the job’s own', async () => {
  const noon = new Date(2026, 10, 27, 12).getTime();
  const { data, add, until, queue } = await openStudio({ now: () => noon });
  const ids = [await add('generate', [picture('x.png')]), await add('generate', [picture('x.png')])];
  await queue.enqueue([
    { id: 'unkept', kind: 'generate', title: '', payload: { ...fakeJob(picture('x.png')), keep: false } },
  ]);
  const ended = [...(await Promise.all(ids.map(id => until(id, 'done')))), await until('unkept', 'done')];
  expect(ended.map(({ artefacts }) => artefacts[0].path)).toEqual([
    'pictures/2026-11-27/x.png',
    'pictures/2026-11-27/x-2.png',
    'jobs/unkept/files/x.png',
  ]);
  const pids = ended.map(({ result }) => (result as { pid: number }).pid);
  expect(new Set(pids).size).toBe(1);
  expect(readFileSync(join(data.pictures, '2026-11-27/x-2.png'))).toEqual(fakeFile(ids[1], 'x.png', 64));
});

test('a training run waits between two steps while pictures of higher priority are drawn, and goes on', async () => {
  const { data, add, until, traced, story, supervisor } = await openStudio();
  const told: string[] = [];
  supervisor.events.on('progress', (_, { text }) => told.push(text));
  const training = await add('train', [{ do: 'train', steps: 6, ms: 5, gateAt: 2 }]);
  await traced(training, 'step 2');
  const pictures = [await add('generate', [picture('a.png')]), await add('plan', [{ do: 'sleep', ms: 30 }])];
  await until(pictures[1], 'done');
  const during = story();
  const [from, to] = [during.indexOf(`${pictures[0]}: begin`), during.indexOf(`${pictures[1]}: end`)];
  expect(during.slice(from, to + 1)).toEqual(pictures.flatMap(id => [`${id}: begin`, `${id}: end`]));
  openGate(data.path);
  expect((await until(training, 'done')).attempt).toBe(1);
  expect(told).toContain('waits for others · step 2 of 6');
});

test('a comparison yields to a picture in the same process, and both to nobody of their own priority', async () => {
  const { data, add, until, traced, story } = await openStudio();
  const comparison = await add('compare', [{ do: 'train', steps: 3, ms: 5, gateAt: 1 }]);
  await traced(comparison, 'step 1');
  const equal = await add('compare', [{ do: 'sleep', ms: 1 }]);
  const above = await add('generate', [{ do: 'sleep', ms: 1 }]);
  const second = await until(above, 'done');
  openGate(data.path);
  const first = await until(comparison, 'done');
  expect((second.result as { pid: number }).pid).toBe((first.result as { pid: number }).pid);
  await until(equal, 'done');
  const order = story().filter(line => !line.includes('step'));
  expect(order).toEqual(
    [`${comparison}: begin`, `${above}: begin`, `${above}: end`, `${comparison}: end`].concat([
      `${equal}: begin`,
      `${equal}: end`,
    ]),
  );
});

test('pause saves the state, resume goes on with it', async () => {
  const { data, add, until, traced, story, supervisor } = await openStudio();
  const training = await add('train', [{ do: 'train', steps: 6, ms: 5, gateAt: 3 }]);
  await traced(training, 'step 3');
  await supervisor.pause(training);
  expect((await until(training, 'paused')).asked).toBeUndefined();
  openGate(data.path);
  await supervisor.resume(training);
  await until(training, 'done');
  const steps = story().filter(line => line.includes('step'));
  expect(steps).toEqual(Array.from({ length: 6 }, (_, i) => `${training}: step ${i + 1}`));
});

test('cancel reaches a job while its event loop stands still, and leaves no file', async () => {
  const { data, add, until, traced, supervisor } = await openStudio();
  const id = await add('generate', [picture('a.png'), { do: 'block', ms: 300 }, { do: 'sleep', ms: 1000 }]);
  await traced(id, 'begin');
  await supervisor.cancel(id);
  await until(id, 'cancelled');
  expect(filesIn(data.pictures)).toEqual([]);
  expect(readdirSync(join(data.jobs, id)).sort()).toEqual(['log.jsonl', 'work']);
});

test('a job that does not end when it is asked to is killed, and is what was asked for', async () => {
  const { add, until, traced, supervisor } = await openStudio({ times: { ...quick, abortMs: 100 } });
  const id = await add('train', [{ do: 'train', steps: 1000, ms: 20, isDeaf: true }]);
  await traced(id, 'step 1');
  await supervisor.pause(id);
  await until(id, 'paused');
  expect(supervisor.status().running).toEqual([]);
});

describe('faults', () => {
  test('a child that dies is an attempt that failed, and the job is tried again', async () => {
    const { data, add, until } = await openStudio();
    const dying = [picture('a.png'), { do: 'kill', attempts: [1] } as const];
    const id = await add('generate', dying);
    const job = await until(id, 'done');
    expect(job.attempt).toBe(2);
    expect(job.artefacts).toHaveLength(1);
    expect(filesIn(data.pictures)).toHaveLength(1);
  });

  test.each([
    ['exit', 'JOB_DIED', /status 7; its last words:\nout of bananas/, /report/],
    ['kill', 'JOB_DIED', /SIGKILL/, /memory/],
    ['fault', 'JOB_FAULT', /RangeError: a fault of the program/, undefined],
    ['abort', 'JOB_FAULT', /unasked/, undefined],
  ] as const)('%s at every attempt: %s after three', async (what, code, message, hint) => {
    const { add, until } = await openStudio();
    const id = await add('generate', [{ do: 'stderr', text: 'out of bananas\n' }, { do: what }]);
    const { attempt, error } = await until(id, 'failed');
    expect(attempt).toBe(3);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (hint) expect(error?.hint).toMatch(hint);
  });

  test('an answer fails the job at once; jobs after it run', async () => {
    const { add, until } = await openStudio();
    const id = await add('generate', [{ do: 'answer' }]);
    const next = await add('generate', [picture('b.png')]);
    const { attempt, error } = await until(id, 'failed');
    expect(attempt).toBe(1);
    expect(error).toEqual({ code: 'FAKE_ANSWER', message: 'it cannot be done', hint: 'Do something else.' });
    await until(next, 'done');
  });

  test('files from elsewhere are not published', async () => {
    const secret = join(temporaryFolder(), 'secret');
    writeFileSync(secret, 'mine');
    const { data, add, until } = await openStudio();
    const link = join(temporaryFolder(), 'link');
    symlinkSync(secret, link);
    for (const to of [secret, link, '/etc/passwd', join(data.path, 'jobs.sqlite')])
      expect((await until(await add('generate', [{ do: 'stage a link', to }]), 'failed')).error?.code).toBe(
        'JOB_BAD_OUTPUT',
      );
    expect(filesIn(data.pictures)).toEqual([]);
  });

  test('where no child can be started, jobs stay queued and lose no attempt', async () => {
    const broken = join(temporaryFolder(), 'broken.ts');
    writeFileSync(broken, 'throw new Error("not installed");');
    const { add, queue, supervisor } = await openStudio({ runners: new URL(`file://${broken}`) });
    const id = await add('generate', [picture('a.png')]);
    await eventually(() => supervisor.status().trouble, 'trouble');
    expect(supervisor.status().trouble).toMatchObject({
      code: 'CHILD_FAILED',
      message: expect.stringContaining('not installed'),
    });
    await supervisor.stop();
    expect(await queue.get(id)).toMatchObject({ state: 'queued', error: undefined });
  });

  test('what kept a job from beginning is forgotten when nobody wants to begin any more', async () => {
    const broken = join(temporaryFolder(), 'broken.ts');
    writeFileSync(broken, 'throw new Error("not installed");');
    const { add, supervisor } = await openStudio({ runners: new URL(`file://${broken}`) });
    const id = await add('generate', [picture('a.png')]);
    await eventually(() => supervisor.status().trouble, 'trouble');
    await supervisor.cancel(id);
    await eventually(() => supervisor.status().trouble === undefined || undefined, 'no trouble');
  });

  test('a job that cannot begin fails after some tries, and keeps nobody else', async () => {
    const { data, add, until, supervisor } = await openStudio();
    writeFileSync(join(data.jobs, 'job-0'), 'a file where its folder should be');
    const id = await add('generate', [picture('a.png')]);
    const next = await add('generate', [picture('b.png')]);
    await until(next, 'done');
    const { faults, error } = await until(id, 'failed');
    expect(faults).toBe(3);
    expect(error).toMatchObject({ code: 'JOB_CANNOT_BEGIN', message: expect.stringContaining('job-0') });
    expect(supervisor.status().trouble).toBeUndefined();
  });

  test('the queue is listened to again when it broke off', async () => {
    let calls = 0;
    const listened = (queue: JobQueue): JobQueue => ({
      ...queue,
      watch: (...asked) => {
        if (calls++ === 0) throw new Error('the disk was away');
        return queue.watch(...asked);
      },
    });
    const times = { ...quick, pollMs: 600_000 };
    const { add, until } = await openStudio({ times }, temporaryFolder(), listened);
    await eventually(() => calls > 1 || undefined, 'the second time');
    await until(await add('generate', [picture('a.png')]), 'done');
  });

  test('nothing begins while the disk is nearly full', async () => {
    let free = 100e6;
    const { add, until, supervisor, queue } = await openStudio({
      ...{ minFreeBytes: 500e6, freeBytes: async () => free },
    });
    const id = await add('generate', [picture('a.png')]);
    const trouble = await eventually(() => supervisor.status().trouble, 'trouble');
    expect(trouble).toMatchObject({ code: 'DISK_LOW', message: expect.stringMatching(/^100 MB .* 500 MB$/) });
    expect((await queue.get(id))?.state).toBe('queued');
    free = 600e6;
    await until(id, 'done');
    expect(supervisor.status().trouble).toBeUndefined();
  });
});

test('a stop gives running jobs back with their state; the next start goes on', async () => {
  const path = temporaryFolder();
  const before = await openStudio({}, path);
  const training = await before.add('train', [{ do: 'train', steps: 6, ms: 5, gateAt: 3 }, picture('a.png')]);
  await before.traced(training, 'step 3');
  await before.supervisor.stop();
  expect(await before.queue.get(training)).toMatchObject({ state: 'queued', progress: { text: /step/ } });
  expect(before.supervisor.status().children).toEqual([]);
  openGate(path);
  const after = await openStudio({}, path);
  await after.until(training, 'done');
  const steps = after.story().filter(line => line.includes('step'));
  expect(steps).toEqual(Array.from({ length: 6 }, (_, i) => `${training}: step ${i + 1}`));
});

test('an attempt that lost its lease ends without a word, and the next one publishes', async () => {
  const { data, add, until, traced, queue, supervisor, story } = await openStudio();
  const id = await add('train', [{ do: 'train', steps: 6, ms: 5, gateAt: 2 }, picture('a.png')]);
  await traced(id, 'step 2');
  await queue.recover([supervisor.status().worker]); // as if this machine had slept
  await traced(id, 'begin', 2);
  openGate(data.path);
  const { attempt, artefacts } = await until(id, 'done');
  expect(attempt).toBe(2);
  expect(artefacts).toHaveLength(1);
  expect(filesIn(data.grids)).toHaveLength(1);
  expect(story().filter(line => line.endsWith(': end'))).toEqual([`${id}: end`]);
});

test('previews of a job are kept and told', async () => {
  const { add, until, supervisor } = await openStudio();
  const seen: string[] = [];
  supervisor.events.on('preview', (_, name, bytes) => seen.push(`${name} ${bytes.length}`));
  const id = await add('generate', [{ do: 'preview', name: 'preview-0', bytes: [1, 2, 3] }]);
  await until(id, 'done');
  expect(seen).toEqual(['preview-0 3']);
  expect(Array.from(supervisor.previewOf(id, 'preview-0') ?? [])).toEqual([1, 2, 3]);
  expect(supervisor.previewsOf(id)).toEqual(['preview-0']);
});

test('an idle child with a model gives way to training when memory is short', async () => {
  let available = 1e12;
  const { add, until, supervisor } = await openStudio({
    ...{ availableMemory: () => available, memoryOf: async () => 1e9 },
  });
  const openLanes = () => supervisor.status().children.map(({ lane }) => lane);
  await until(await add('generate', [picture('a.png')]), 'done');
  await until(await add('train', [picture('b.png')]), 'done');
  expect(openLanes()).toContain('pictures');
  available = 1.9e9;
  await until(await add('train', [picture('c.png')]), 'done');
  expect(openLanes()).not.toContain('pictures');
});

test('sweep removes what is old, and nothing else', async () => {
  const { data, add, until, queue, supervisor } = await openStudio();
  const day = 86_400_000;
  const used = 'a'.repeat(32);
  for (const name of [used, 'b'.repeat(32)]) writeFileSync(join(data.uploads, `${name}.png`), 'x');
  const done = await add('generate', [picture('a.png')]);
  const look = await add('plan', [{ do: 'sleep', ms: 1 }]);
  const { endedAt = 0 } = await until(look, 'done');
  const waiting = await add('train', [{ do: 'sleep', ms: 60_000 }, picture(used)]);
  expect(await supervisor.sweep({ now: endedAt + 1000 })).toEqual({ jobFolders: 0, uploads: 0, looks: 0 });
  expect(await supervisor.sweep({ now: endedAt + 2 * day })).toEqual({ jobFolders: 0, uploads: 1, looks: 1 });
  expect(readdirSync(data.uploads)).toEqual([`${used}.png`]);
  expect(await supervisor.sweep({ now: endedAt + 20 * day })).toMatchObject({ jobFolders: 1 });
  expect(existsSync(join(data.jobs, done))).toBe(false);
  expect(await queue.get(done)).toBeUndefined();
  expect(existsSync(join(data.jobs, waiting))).toBe(true);
  expect(filesIn(data.pictures)).toHaveLength(1);
});
