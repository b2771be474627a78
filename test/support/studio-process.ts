/** @file A studio without a door, as a process of its own for tests: queue and supervisor on a data folder. `studio-process.ts <data folder>` */
import { join } from 'node:path';
import { lockFile } from '../../src/files/index.ts';
import { openSqliteQueue, openSupervisor } from '../../src/jobs/index.ts';
import { dataFolderAt, makeDataFolders } from '../../src/workbench/index.ts';

const data = dataFolderAt(process.argv[2]);
makeDataFolders(data);
await lockFile(join(data.path, 'studio'));
const queue = openSqliteQueue(data.jobsFile);
const supervisor = await openSupervisor({
  ...{ queue, data, minFreeBytes: 0, runners: new URL('./fake-runners.ts', import.meta.url) },
  times: { heartbeatMs: 500, progressMs: 100, pollMs: 200 },
});
const keepsAlive = setInterval(() => undefined, 1000);
process.stderr.write('studio is ready\n');

process.once('SIGTERM', async () => {
  await supervisor.stop();
  await queue.close();
  clearInterval(keepsAlive);
  process.exit(0);
});
