/**
 * @file What the queue takes with 10,000 queued jobs: `node bench/queue.ts [jobs] [folder]`. The disk decides most of
 * enqueue, lease and complete, since each of these calls waits for it once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lease, type NewJob, openSqliteQueue } from '../src/jobs/index.ts';

const count = Number(process.argv[2] ?? 10_000);
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'lora-queue-'));
const queue = openSqliteQueue(join(folder, 'jobs.sqlite'));
const worker = { id: 'bench', pid: process.pid };
const newJob = (i: number): NewJob => ({
  ...{ kind: i % 10 ? 'generate' : 'train', title: `job ${i}`, priority: i % 3 ? 50 : 100 },
  payload: { prompt: `a picture of stripes, number ${i}`, steps: 20, width: 512, height: 512, seed: i },
});

interface Measured {
  readonly what: string;
  readonly target?: number;
  readonly times: number[];
}
const rows: Measured[] = [];

async function measure(what: string, times: number, work: (i: number) => Promise<unknown>, target?: number) {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    await work(i);
    taken.push(performance.now() - begun);
  }
  rows.push({ what, times: taken.sort((a, b) => a - b), ...(target === undefined ? {} : { target }) });
}

await measure(`enqueue ${count} in one call`, 1, () =>
  queue.enqueue(Array.from({ length: count }, (_, i) => newJob(i))),
);
await measure('enqueue one', 300, i => queue.enqueue([newJob(count + i)]), 50);
await measure('list, first page of 100', 200, () => queue.list({ limit: 100 }), 100);
await measure('list, last page of 100', 50, () => queue.list({ limit: 100, offset: count }), 100);
await measure('list of one kind', 50, () => queue.list({ kinds: ['train'], limit: 100, offset: 500 }), 100);
const leases: Lease[] = [];
await measure(
  'lease',
  200,
  async i => {
    const lease = await queue.lease(i % 2 ? ['train'] : ['generate', 'train'], worker);
    if (lease) leases.push(lease);
  },
  10,
);
await measure('lease of a kind that none has', 200, () => queue.lease(['merge'], worker), 10);
const [first] = leases.splice(0, 1);
if (!first) throw new Error('nothing was leased');
await measure('heartbeat with progress', 1000, i =>
  queue.heartbeat(first, { share: i / 1000, text: `step ${i}` }),
);
await measure('complete with two artefacts', leases.length, i => {
  const file = (name: string) => ({
    name,
    type: 'picture' as const,
    path: `pictures/${name}.png`,
    bytes: 1,
    sha256: 'ab'.repeat(32),
  });
  return queue.complete(leases[i] as Lease, [file('a'), file('b')], { seconds: 1 });
});
const [last] = (await queue.list({ states: ['queued'], limit: 1, offset: count - 1000 })).jobs;
await measure('move one to the front', 100, () => queue.move(last?.id ?? '', 'first'));
await measure('recover, nothing to do', 100, () => queue.recover());
await queue.close();
const again = performance.now();
await openSqliteQueue(join(folder, 'jobs.sqlite')).close();
rows.push({ what: 'open, with its check', times: [performance.now() - again] });
rmSync(folder, { recursive: true });

const at = (times: readonly number[], share: number): string =>
  (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(2).padStart(9);
console.log(`| ${`${count} queued jobs`.padEnd(31)} | median ms |    p99 ms |   most ms | p99 to reach |`);
console.log(`| ${'-'.repeat(31)} | --------: | --------: | --------: | -----------: |`);
for (const { what, times, target } of rows)
  console.log(
    `| ${what.padEnd(31)} | ${at(times, 0.5)} | ${at(times, 0.99)} | ${at(times, 1)} | ${String(target ?? '').padStart(12)} |`,
  );
process.exitCode = rows.some(({ times, target }) => target !== undefined && Number(at(times, 0.99)) > target)
  ? 1
  : 0;
