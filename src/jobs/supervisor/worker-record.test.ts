import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import { openJobLogs } from './job-log.ts';
import { identityOf } from './process-identity.ts';
import { openWorkerRecord } from './worker-record.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process that does nothing for a minute. */
function idleProcess(): { readonly pid: number; readonly ended: Promise<NodeJS.Signals | null> } {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
  started.push(child);
  return {
    pid: child.pid as number,
    ended: new Promise(resolve => child.on('exit', (_, signal) => resolve(signal))),
  };
}

function emptyData(): { readonly data: ReturnType<typeof dataFolderAt>; readonly path: string } {
  const data = dataFolderAt(temporaryFolder());
  makeDataFolders(data);
  return { data, path: join(data.jobs, '.workers.json') };
}

test.skipIf(process.platform === 'win32')(
  'children of a dead supervisor are killed, processes that only have their number are not',
  async () => {
    const { data, path } = emptyData();
    const [orphan, stranger] = [idleProcess(), idleProcess()];
    const before = await openWorkerRecord(data, 'before');
    await before.add(await identityOf(orphan.pid));
    await before.add({ pid: stranger.pid, began: 'another day' });
    const after = await openWorkerRecord(data, 'after');
    expect(after).toMatchObject({ deadWorkers: ['before'], killed: 1 });
    expect(await orphan.ended).toBe('SIGKILL');
    process.kill(stranger.pid, 0); // throws if it is gone
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ workers: ['before', 'after'], children: [] });
    await after.close();
    expect((await openWorkerRecord(data, 'next')).deadWorkers).toEqual([]);
  },
);

test.each(['', '{', '{"workers":1}', '{"workers":[],"children":[{"pid":-1,"began":""}]}'])(
  'a damaged record is as good as none: %s',
  async text => {
    const { data, path } = emptyData();
    writeFileSync(path, text);
    expect(await openWorkerRecord(data, 'w')).toMatchObject({ deadWorkers: [], killed: 0 });
  },
);

test('the log of a job ends with a line that says so when it is full', async () => {
  const { data } = emptyData();
  const logs = openJobLogs(data, () => 5, 400);
  for (let i = 0; i < 50; i++) logs.write('job', { event: 'note', text: `line ${i}` });
  await logs.flush();
  const lines = readFileSync(join(data.jobs, 'job', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(JSON.parse(lines[0])).toEqual({ time: 5, event: 'note', text: 'line 0' });
  expect(JSON.parse(lines.at(-1) as string)).toEqual({ time: 5, event: 'log full' });
  expect(lines.length).toBeLessThan(12);
});
