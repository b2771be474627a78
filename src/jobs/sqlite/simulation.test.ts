/**
 * Random histories of a queue with two supervisors that die, sleep and speak too late, people who change their minds, and a
 * clock that jumps. Each seed is one history; LORA_SEEDS=1000000 does as many, LORA_SEED=7 only that one.
 */
import assert from 'node:assert/strict';
import { test, vi } from 'vitest';
import { LoraError } from '../../errors.ts';
import type { JobKind } from '../kinds.ts';
import type { Artefact, Job, JobId, JobQueue, Lease, NewJob } from '../queue.ts';
import { openSqliteQueue } from './sqlite-queue.ts';

vi.setConfig({ testTimeout: 3_600_000 });

const seeds = Number(process.env.LORA_SEEDS ?? 5_000);
const only = process.env.LORA_SEED;
const stepsOfSeed = 14;
const kinds: readonly JobKind[] = ['train', 'generate', 'merge'];

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface World {
  readonly queue: JobQueue;
  readonly random: () => number;
  readonly clock: { now: number };
  /** Of living and dead supervisors; the dead speak too, late. */
  readonly leases: { lease: Lease; isDead: boolean }[];
  readonly workers: { id: string; pid: number }[];
  readonly deadWorkers: string[];
  /** What has been added and not removed. */
  readonly known: Set<JobId>;
  readonly attempts: Map<JobId, number>;
  readonly published: Map<JobId, number>;
  readonly history: string[];
}

const pick = <T>({ random }: World, all: readonly T[]): T | undefined =>
  all[Math.floor(random() * all.length)];
const artefacts = ({ jobId, attempt }: Lease): Artefact[] =>
  ['a', 'b'].map(name => ({ name, type: 'file', path: `${jobId}/${attempt}/${name}`, bytes: 1, sha256: '' }));
const anyJob = (world: World): JobId => pick(world, [...world.known]) ?? 'nobody';

async function allJobs({ queue }: World): Promise<readonly Job[]> {
  return (await queue.list({ limit: 1000 })).jobs;
}

async function add(world: World): Promise<void> {
  const { random, queue, known } = world;
  const count = 1 + Math.floor(random() * 2);
  const jobs = Array.from({ length: count }, (): NewJob => {
    const after = random() < 0.3 && known.size > 0 ? [anyJob(world)] : [];
    const priority = [10, 50, 50, 100][Math.floor(random() * 4)];
    return {
      kind: pick(world, kinds) ?? 'train',
      title: 'job',
      payload: null,
      priority,
      after,
      maxAttempts: 2,
    };
  });
  for (const id of await queue.enqueue(jobs)) known.add(id);
}

/** What is leased is the first of the list that may begin; its number is new. */
async function lease(world: World): Promise<void> {
  const { queue, random, workers, leases, attempts, deadWorkers } = world;
  const wanted = random() < 0.7 ? kinds : [pick(world, kinds) ?? 'train'];
  const before = await allJobs(world);
  const state = new Map(before.map(job => [job.id, job.state]));
  // What is done and removed is no obstacle; what failed has failed those that need it.
  const isReady = ({ after }: Job): boolean => after.every(id => (state.get(id) ?? 'done') === 'done');
  const first = before.find(job => job.state === 'queued' && wanted.includes(job.kind) && isReady(job));
  const worker = pick(world, workers) ?? { id: 'w', pid: 1 };
  const taken = await queue.lease(wanted, worker);
  assert.equal(taken?.jobId, first?.id);
  if (!taken) return;
  assert.equal(taken.attempt, (attempts.get(taken.jobId) ?? 0) + 1);
  attempts.set(taken.jobId, taken.attempt);
  leases.push({ lease: taken, isDead: deadWorkers.includes(worker.id) });
}

/** Something that a worker says, perhaps long after it lost its lease. */
async function say(world: World): Promise<void> {
  const { queue, random, leases, published, attempts } = world;
  const held = pick(world, leases);
  if (!held) return;
  const { lease } = held;
  const before = await queue.get(lease.jobId);
  const isHeld = before?.state === 'running' && before.attempt === lease.attempt;
  const words = Math.floor(random() * 6);
  if (words === 0) {
    const answer = await queue.heartbeat(lease, random() < 0.5 ? { share: random(), text: 'on' } : undefined);
    assert.equal(answer, isHeld ? (before.asked ?? 'continue') : 'lost');
    return;
  }
  const outcome =
    words <= 2
      ? await queue.complete(lease, artefacts(lease), lease.attempt)
      : words === 3
        ? await queue.fail(lease, { code: 'FAULT', message: 'a fault' }, random() < 0.7)
        : await queue.release(lease, pick(world, ['queued', 'paused', 'cancelled'] as const) ?? 'queued');
  assert.equal(outcome === 'superseded', !isHeld);
  if (outcome === 'superseded') assert.deepEqual(await queue.get(lease.jobId), before);
  if (outcome === 'published') {
    assert.equal(published.has(lease.jobId), false);
    assert.equal(attempts.get(lease.jobId), lease.attempt);
    published.set(lease.jobId, lease.attempt);
  }
  // Most workers forget a lease that is over; some say it twice.
  if (random() < 0.8) leases.splice(leases.indexOf(held), 1);
}

async function die(world: World): Promise<void> {
  const { random, workers, leases, deadWorkers } = world;
  const i = Math.floor(random() * workers.length);
  const dead = workers[i]?.id ?? '';
  deadWorkers.push(dead);
  for (const one of leases) if (one.lease.worker === dead) one.isDead = true;
  workers[i] = { id: `w${deadWorkers.length + 1}`, pid: deadWorkers.length };
}

async function recover(world: World): Promise<void> {
  const { queue, random, deadWorkers } = world;
  for (const job of await queue.recover(random() < 0.5 ? deadWorkers : []))
    assert.notEqual(job.state, 'running');
}

/** Something that a person asks; what the state does not allow is refused and changes nothing. */
async function ask(world: World): Promise<void> {
  const { queue, random, known } = world;
  const id = anyJob(world);
  const before = await queue.get(id);
  const asks: readonly (() => Promise<unknown>)[] = [
    () => queue.cancel(id),
    () => queue.pause(id),
    () => queue.resume(id),
    () => queue.resume(id),
    () => queue.retry(id),
    () => queue.retry(id),
    () => queue.move(id, { before: anyJob(world) }),
    () => queue.move(id, { after: anyJob(world) }),
    () => queue.move(id, pick(world, ['first', 'last'] as const) ?? 'first'),
    () => queue.move(id, { priority: Math.floor(random() * 100) }),
    async () => {
      await queue.remove(id);
      known.delete(id);
      world.published.delete(id);
    },
  ];
  try {
    await pick(world, asks)?.();
  } catch (error) {
    if (!(error instanceof LoraError) || !/^JOB_(STATE|UNKNOWN)$/.test(error.code)) throw error;
    assert.deepEqual(await queue.get(id), before);
  }
}

async function passTime({ random, clock }: World): Promise<void> {
  const hour = 3_600_000;
  clock.now += Math.round([1000, 20_000, 61_000, hour, -hour][Math.floor(random() * 5)] ?? 0);
}

type Happening = (world: World) => Promise<void>;
/** How often each comes. */
const shares = new Map<Happening, number>([
  ...([
    [add, 2],
    [lease, 6],
    [say, 6],
    [die, 2],
    [recover, 4],
    [ask, 3],
    [passTime, 2],
  ] as const),
]);
const urn = [...shares].flatMap(([happen, share]) => Array<Happening>(share).fill(happen));

/** What is so at every moment. */
async function checkAll(world: World): Promise<void> {
  const { known, published } = world;
  const jobs = await allJobs(world);
  assert.deepEqual(jobs.map(({ id }) => id).sort(), [...known].sort());
  let position = 0;
  for (const job of jobs) {
    if (job.state === 'queued') assert.equal(job.position, ++position);
    if (job.state === 'running') assert.ok(job.faults < job.maxAttempts);
    const by = published.get(job.id);
    assert.equal(job.state === 'done', by !== undefined);
    assert.deepEqual(
      job.artefacts.map(({ path }) => path),
      by === undefined ? [] : [`${job.id}/${by}/a`, `${job.id}/${by}/b`],
    );
    assert.equal(job.result, by);
  }
}

/** The faults end: whatever is left is done within as many leases as there are jobs and attempts. */
async function settle(world: World): Promise<void> {
  const { queue, random, workers, deadWorkers, known, clock } = world;
  if (random() < 0.5) await queue.recover([...deadWorkers, ...workers.map(({ id }) => id)]);
  else {
    await queue.recover(); // after which no lease is longer than usual, whatever the clock did
    clock.now += 60_000;
    await queue.recover();
  }
  assert.equal((await queue.list({ states: ['running'] })).total, 0);
  for (const { id } of (await queue.list({ states: ['paused'], limit: 1000 })).jobs) await queue.resume(id);
  const last = { id: 'last', pid: 1 };
  for (let i = 0; i <= known.size; i++) {
    const taken = await queue.lease(kinds, last);
    if (!taken) break;
    assert.equal(await queue.complete(taken, artefacts(taken), taken.attempt), 'published');
    world.published.set(taken.jobId, taken.attempt);
  }
  assert.equal((await queue.list({ states: ['queued', 'running', 'paused'] })).total, 0);
  await checkAll(world);
  for (const id of known) await queue.remove(id);
  assert.equal((await queue.list()).total, 0);
}

/** One history; the queue is empty before and after. */
async function live(queue: JobQueue, clock: { now: number }, seed: number): Promise<void> {
  const world: World = {
    ...{ queue, clock, random: randomOf(seed), leases: [], deadWorkers: [], known: new Set(), history: [] },
    ...{
      workers: [
        { id: 'w0', pid: 1 },
        { id: 'w1', pid: 2 },
      ],
      attempts: new Map(),
      published: new Map(),
    },
  };
  try {
    await add(world);
    for (let step = 0; step < stepsOfSeed; step++) {
      const happen = pick(world, urn) ?? add;
      world.history.push(happen.name);
      await happen(world);
      if (step === stepsOfSeed / 2) await checkAll(world);
    }
    await settle(world);
  } catch (cause) {
    throw new Error(`LORA_SEED=${seed} after ${world.history.join(', ')}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

test(`${only ? `history ${only}` : `${seeds} histories`}: nothing lost, nothing published twice, nothing stuck, in order`, async () => {
  const clock = { now: Date.UTC(2026, 10, 27) };
  const random = randomOf(1);
  const queue = openSqliteQueue(':memory:', { now: () => clock.now, random });
  if (only) await live(queue, clock, Number(only));
  else for (let seed = 1; seed <= seeds; seed++) await live(queue, clock, seed);
  await queue.close();
});
