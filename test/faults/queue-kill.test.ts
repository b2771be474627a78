/**
 * Processes that share one queue are killed with −9 at random moments: what the queue had promised them is there, every job
 * is done once, and the file is whole. LORA_KILLS=300 kills that often.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { randomStream } from '../../src/engine/index.ts';
import { openSqliteQueue } from '../../src/jobs/sqlite/sqlite-queue.ts';
import { temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 3_600_000 });

const kills = Number(process.env.LORA_KILLS ?? 30);
const script = fileURLToPath(new URL('../support/queue-child.ts', import.meta.url));
/** Compiled once, not by each of them. */
const cache = temporaryFolder();
const random = randomStream(Number(process.env.LORA_KILL_SEED ?? 1), 'kills of queue');

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

function startChild(file: string, name: string): Child {
  const child = spawn(process.execPath, [script, file, name, String(random.integer(1 << 30))], {
    ...{ stdio: ['ignore', 'pipe', 'inherit'] as const },
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  const lines: string[] = [];
  let text = '';
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      const parts = (text + piece).split('\n');
      text = parts.pop() ?? ''; // a line that was cut by the kill was not told
      lines.push(...parts);
      if (lines.includes('ready')) resolve();
    });
    ended.then(() => reject(new Error(`${name} ended by itself`)));
  });
  ready.catch(() => undefined);
  return { name, process: child, lines, ready, ended };
}

const told = (children: readonly Child[], word: string): string[] =>
  children.flatMap(({ lines }) =>
    lines.filter(line => line.startsWith(`${word} `)).map(line => line.slice(word.length + 1)),
  );

test(`${kills} kills: nothing lost, everything published once, the file whole`, async () => {
  const file = join(temporaryFolder(), 'jobs.sqlite');
  const queue = openSqliteQueue(file);
  const all: Child[] = [];
  const begin = (): Child => {
    const child = startChild(file, `child-${all.length}`);
    all.push(child);
    return child;
  };
  const living = [begin(), begin(), begin()];
  for (let kill = 0; kill < kills; kill++) {
    const [child] = living.splice(random.integer(living.length), 1) as [Child];
    await child.ready;
    if (kill < kills - living.length - 1) living.push(begin()); // starts while the others work
    await new Promise(resolve => setTimeout(resolve, 150 * random.uniform()));
    child.process.kill('SIGKILL');
    await child.ended;
    expect(child.process.signalCode, child.lines.slice(-3).join()).toBe('SIGKILL');
    await queue.recover([child.name]);
  }
  for (const { process: child, ended } of living) {
    child.kill('SIGKILL');
    await ended;
  }

  // Everybody is dead: what is left is done by one that lives.
  const worker = { id: 'last', pid: process.pid };
  await queue.recover(all.map(({ name }) => name));
  expect((await queue.list({ states: ['running'] })).total).toBe(0);
  for (;;) {
    const lease = await queue.lease(['train', 'generate'], worker);
    if (!lease) break;
    const parts = ['a', 'b', 'c'].map(name => ({
      name,
      type: 'file' as const,
      path: `${lease.jobId}/${lease.attempt}/${name}`,
    }));
    const artefacts = parts.map(part => ({
      ...part,
      bytes: lease.attempt,
      sha256: `${worker.id}/${lease.attempt}`,
    }));
    expect(await queue.complete(lease, artefacts, { attempt: lease.attempt })).toBe('published');
  }

  const { total, jobs } = await queue.list({ limit: 1_000_000 });
  const byId = new Map(jobs.map(job => [job.id, job]));
  const added = told(all, 'added');
  expect(added.length).toBeGreaterThan(kills); // they did work
  expect(added.filter(id => !byId.has(id))).toEqual([]);
  expect(total - added.length, 'added, but killed before that was told').toBeLessThanOrEqual(all.length);
  for (const { id, state, artefacts, attempt, result } of jobs) {
    expect([id, state]).toEqual([id, 'done']);
    expect(artefacts.map(({ path }) => path)).toEqual(
      ['a', 'b', 'c'].map(part => `${id}/${attempt}/${part}`),
    );
    expect(result).toEqual({ attempt });
    expect(new Set(artefacts.map(({ sha256 }) => sha256)).size).toBe(1);
  }
  // What was published once stays so: by that attempt, and by no other one.
  const published = told(all, 'published');
  expect(new Set(published.map(line => line.split(' ')[0])).size).toBe(published.length);
  for (const line of published) {
    const [id = '', attempt] = line.split(' ');
    expect([id, String(byId.get(id)?.attempt)]).toEqual([id, attempt]);
  }
  // No number of an attempt came twice.
  const leased = told(all, 'leased');
  expect(new Set(leased).size).toBe(leased.length);

  await queue.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
  const database = new DatabaseSync(file);
  expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
  database.close();
  console.log(
    `${kills} kills, ${total} jobs, ${leased.length} attempts told, ${published.length} published by the killed`,
  );
});
