/**
 * kill −9 of the studio or of its children at random moments, started again until its queue is empty: no job is lost, each
 * is published exactly once, and nobody ever sees a file that is not whole. LORA_KILLS=200 kills that often.
 */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { expect, test, vi } from 'vitest';
import { randomStream } from '../../src/engine/index.ts';
import { type JobKind, type NewJob, openSqliteQueue } from '../../src/jobs/index.ts';
import { dataFolderAt, makeDataFolders } from '../../src/workbench/index.ts';
import { node, type Running, start } from '../support/command-line.ts';
import { type FakeStep, fakeJob, isWholeFake, readTrace, tracePath } from '../support/fake-runners.ts';
import { temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 1_800_000 });

const kills = Number(process.env.LORA_KILLS ?? 30);
const random = randomStream(Number(process.env.LORA_KILL_SEED ?? 1), 'kills of the studio');
const upTo = (most: number): number => Math.floor(random.uniform() * most);

const data = dataFolderAt(temporaryFolder());
makeDataFolders(data);
const startStudio = (): Running => start(['test/support/studio-process.ts', data.path], [node]);

const file = (fileName: string, type: 'picture' | 'lora' | 'checkpoint' | 'sheet', kB: number): FakeStep => ({
  ...{ do: 'stage', fileName, type, kB },
});

/** Of each hundred. Names are the same ones again and again, as users give them. */
const mix: readonly (readonly [count: number, kind: JobKind, payload: (i: number) => unknown])[] = [
  [50, 'generate', i => fakeJob({ do: 'sleep', ms: 5 }, file(`${i % 7}.png`, 'picture', 200))],
  [4, 'generate', i => ({ prompt: 'a red square', seed: i, steps: 2, width: 64, height: 64 })],
  [
    6,
    'generate',
    i => fakeJob({ do: 'block', ms: 60 }, file(`a${i}.png`, 'picture', 20), file('b.png', 'picture', 20)),
  ],
  [15, 'train', () => fakeJob({ do: 'train', steps: 8, ms: 10 }, file('zorbi.safetensors', 'lora', 300))],
  [10, 'merge', () => fakeJob({ do: 'sleep', ms: 10 }, file('mixed.safetensors', 'checkpoint', 2000))],
  [
    15,
    'compare',
    () =>
      fakeJob({ do: 'train', steps: 3, ms: 5 }, file('x.png', 'picture', 20), file('sheet.png', 'sheet', 50)),
  ],
];

const hundreds = Math.ceil(kills / 40);
const jobs: NewJob[] = mix.flatMap(([count, kind, payload], row) =>
  Array.from({ length: count * hundreds }, (_, i) => {
    const id = `${kind}-${row}-${i}`;
    return { id, kind, title: id, payload: payload(i), maxAttempts: 1000 };
  }),
);

/** A picture of the model, or what a fake job stages. */
function filesOf(payload: unknown): number {
  const { fake } = payload as { fake?: readonly FakeStep[] };
  return fake ? fake.filter(step => step.do === 'stage').length : 1;
}

const visibleFolders = [data.pictures, data.loras, data.checkpoints, data.grids];

/** Files that people see; temporary ones begin with a dot. */
function visibleFiles(): string[] {
  return visibleFolders.flatMap(folder =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && !entry.name.startsWith('.'))
      .map(entry => join(entry.parentPath, entry.name)),
  );
}

const pngEnd = Buffer.from('IEND');
/** A fake file says itself; a picture of the model ends as a PNG does, and is decoded at the end of the test. */
function isWhole(path: string): boolean {
  const bytes = readFileSync(path);
  return isWholeFake(bytes) || bytes.subarray(-8, -4).equals(pngEnd);
}

/** Looks at all files again and again: each has to be whole when it is seen first, and stay what it is. */
function watchFiles(): { stop(): Promise<{ readonly wrong: readonly string[]; readonly looks: number }> } {
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  let [isStopped, looks] = [false, 0];
  const look = (): void => {
    looks++;
    const now = visibleFiles();
    for (const path of now) {
      const { ino, size, mtimeMs } = statSync(path);
      const known = seen.get(path);
      const facts = `${ino} ${size} ${mtimeMs}`;
      if (known === undefined && !isWhole(path)) wrong.push(`${path} was not whole`);
      if (known !== undefined && known !== facts) wrong.push(`${path} changed`);
      seen.set(path, facts);
    }
    for (const path of seen.keys()) if (!now.includes(path)) wrong.push(`${path} went away`);
  };
  const looking = (async () => {
    while (!isStopped) {
      look();
      await delay(3);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await looking;
      look();
      return { wrong, looks };
    },
  };
}

/** Children as the supervisor has written them down. */
function childrenNow(): number[] {
  try {
    const record = JSON.parse(readFileSync(join(data.jobs, '.workers.json'), 'utf8'));
    return record.children.map(({ pid }: { pid: number }) => pid);
  } catch {
    return [];
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const traceSize = (): number => statSync(tracePath(data.path), { throwIfNoEntry: false })?.size ?? 0;
const entrySize = 75;

/** Waits for so many more entries of jobs, but not for ever. */
async function traceGrows(entries: number, most: number): Promise<void> {
  const [until, enough] = [performance.now() + most, traceSize() + entries * entrySize];
  while (traceSize() < enough && performance.now() < until) await delay(2);
}

/** The narrowest moment: between a file's name and its row. Looks without a pause for the job that was traced last. */
function publicationBegins(): boolean {
  const last = readTrace(data.path).at(-1);
  const journal = join(data.jobs, last?.jobId ?? '', 'publication.json');
  for (const until = performance.now() + 400; performance.now() < until; )
    if (existsSync(journal)) return true;
  return false;
}

async function killAndLookOn(
  killed: { studio: number; child: number },
  hasWork: () => Promise<boolean>,
): Promise<void> {
  let studio: Running | undefined;
  while (killed.studio + killed.child < kills) {
    studio ??= startStudio();
    // Some die while they start, or before their first job; most after some steps of jobs, or in a picture of the model.
    if (random.uniform() < 0.8) {
      await studio.seen('studio is ready');
      await traceGrows(1 + upTo(12), random.uniform() < 0.3 || !(await hasWork()) ? 1500 : 60_000);
    }
    const isAimed = random.uniform() < 0.4 && publicationBegins();
    if (isAimed) await delay(upTo(12));
    else await delay(upTo(60));
    const [child] = childrenNow().filter(isAlive);
    if (!isAimed && child !== undefined && random.uniform() < 0.6) {
      process.kill(child, 'SIGKILL');
      killed.child++;
    } else {
      studio.process.kill('SIGKILL');
      await studio.outcome;
      studio = undefined;
      killed.studio++;
    }
  }
  studio?.process.kill('SIGKILL');
  await studio?.outcome;
}

test(`${kills} kills, ${jobs.length} jobs`, async () => {
  const queue = openSqliteQueue(data.jobsFile);
  const half = Math.ceil(jobs.length / 2);
  const shuffled = jobs
    .map(job => ({ job, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ job }) => job);
  await queue.enqueue(shuffled.slice(0, half));
  const files = watchFiles();
  const killed = { studio: 0, child: 0 };
  const adding = (async () => {
    for (const job of shuffled.slice(half)) {
      await delay(upTo(600));
      await queue.enqueue([job]);
    }
  })();
  await killAndLookOn(killed, async () => (await queue.list({ states: ['queued'], limit: 1 })).total > 0);
  await adding;
  const last = startStudio();
  const isDone = async (): Promise<boolean> =>
    (await queue.list({ states: ['done', 'failed'], limit: 1 })).total === jobs.length;
  while (!(await isDone())) await delay(50);
  last.process.kill('SIGTERM');
  expect(await last.outcome).toMatchObject({ status: 0 });
  const { wrong, looks } = await files.stop();

  const { jobs: ended } = await queue.list({ limit: 1000 });
  await queue.close();
  expect(ended.filter(({ state }) => state !== 'done')).toEqual([]);
  expect(ended.map(({ id }) => id).sort()).toEqual(jobs.map(({ id }) => id).sort());
  const artefacts = ended.flatMap(job => job.artefacts);
  const wanted = jobs.reduce((sum, { payload }) => sum + filesOf(payload), 0);
  expect(artefacts).toHaveLength(wanted);
  expect(wrong).toEqual([]);
  expect(
    visibleFiles()
      .map(path => relative(data.path, path).split(sep).join('/'))
      .sort(),
  ).toEqual(artefacts.map(({ path }) => path).sort());
  for (const { path, sha256, bytes } of artefacts) {
    const content = readFileSync(join(data.path, path));
    expect(content.length).toBe(bytes);
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    if (!isWholeFake(content))
      expect(await sharp(content).metadata()).toMatchObject({ width: 64, height: 64 });
  }
  // Nothing is left behind, and nobody runs on.
  const left = ended.flatMap(({ id }) => readdirSync(join(data.jobs, id)));
  expect(left.filter(name => !['log.jsonl', 'work'].includes(name))).toEqual([]);
  const workers = new Set(readTrace(data.path).map(({ pid }) => pid));
  expect([...workers].filter(isAlive)).toEqual([]);
  const attempts = ended.reduce((sum, { attempt }) => sum + attempt, 0);
  const logs = ended.map(({ id }) => readFileSync(join(data.jobs, id, 'log.jsonl'), 'utf8'));
  const takenUp = logs.filter(text => text.includes('publishes what an attempt before has finished')).length;
  console.log(
    `studio killed ${killed.studio} times, children ${killed.child} times; ${attempts} attempts of ${ended.length} jobs by ` +
      `${workers.size} processes; ${artefacts.length} files, looked at ${looks} times; ${takenUp} publications were gone on with`,
  );
});

test('a child whose event loop stands still is gone a second after its studio', async () => {
  const own = dataFolderAt(temporaryFolder());
  makeDataFolders(own);
  const queue = openSqliteQueue(own.jobsFile);
  await queue.enqueue([
    { id: 'still', kind: 'train', title: '', payload: fakeJob({ do: 'block', ms: 60_000 }) },
  ]);
  await queue.close();
  const studio = start(['test/support/studio-process.ts', own.path], [node]);
  while (readTrace(own.path).length === 0) await delay(20);
  const [{ pid }] = readTrace(own.path);
  expect(isAlive(pid)).toBe(true);
  studio.process.kill('SIGKILL');
  await studio.outcome;
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 3000, interval: 50 });
});
