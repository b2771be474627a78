/**
 * @file A process that adds jobs to a queue and does them until it is killed: `queue-child.ts FILE NAME SEED`. Whatever the
 * queue has promised is told on standard output, a line each, before the next call.
 */
import { writeSync } from 'node:fs';
import type { Artefact, Lease } from '../../src/jobs/index.ts';
import { openSqliteQueue } from '../../src/jobs/sqlite/sqlite-queue.ts';

const [file = '', name = '', seed = '1'] = process.argv.slice(2);
const worker = { id: name, pid: process.pid };
const queue = openSqliteQueue(file);
const tell = (line: string): void => void writeSync(1, `${line}\n`);

let state = Number(seed);
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const artefacts = ({ jobId, attempt }: Lease): Artefact[] =>
  ['a', 'b', 'c'].map(part => ({
    ...{ name: part, type: 'file', path: `${jobId}/${attempt}/${part}`, bytes: attempt },
    sha256: `${worker.id}/${attempt}`,
  }));

async function doOne(): Promise<void> {
  const lease = await queue.lease(['train', 'generate'], worker);
  if (!lease) return;
  tell(`leased ${lease.jobId} ${lease.attempt}`);
  for (let i = 0; i < 3; i++) await queue.heartbeat(lease, { share: i / 3, text: `part ${i}` });
  const chance = random();
  if (chance < 0.1) await queue.release(lease, 'queued');
  else if (chance < 0.15) await queue.fail(lease, { code: 'FAULT', message: 'a fault' }, true);
  else {
    const outcome = await queue.complete(lease, artefacts(lease), { attempt: lease.attempt });
    tell(`${outcome} ${lease.jobId} ${lease.attempt}`);
  }
}

tell('ready');
for (let n = 0; ; n++) {
  const id = `${name}-${n}`;
  const after = random() < 0.2 && n > 0 ? [`${name}-${n - 1}`] : [];
  const kind = random() < 0.5 ? 'train' : 'generate';
  await queue.enqueue([
    { id, kind, title: id, payload: { n, text: 'x'.repeat(300) }, after, maxAttempts: 1000 },
  ]);
  tell(`added ${id}`);
  for (let i = 0; i < 2; i++) await doOne();
}
