import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/pictures.ts';
import { hashFile } from '../../../files/index.ts';
import { dataFolderAt, makeDataFolders } from '../../../workbench/index.ts';
import type { Job, Lease } from '../../queue.ts';
import { jobFolderOf } from '../job-folder.ts';
import { type Publication, readPublication, writePublication } from './journal.ts';
import { place } from './place.ts';
import {
  endPublication,
  isWhole,
  placeFiles,
  planPublication,
  settlePublication,
  undoPublication,
} from './publish.ts';

const names = ['zorbi.safetensors', 'other.safetensors'];

/** Two finished files of a training job, planned; nothing is visible. */
async function plan(loras?: string): Promise<{
  data: ReturnType<typeof dataFolderAt>;
  publication: Publication;
  journal: string;
  loras: string;
  inLoras(): string[];
}> {
  const data = dataFolderAt(temporaryFolder());
  if (loras) symlinkSync(loras, data.loras);
  makeDataFolders(data);
  const lease: Lease = {
    ...{ jobId: 'job', attempt: 1, worker: 'w', kind: 'train', title: '', payload: {}, priority: 50 },
    expiresAt: 0,
  };
  const folder = jobFolderOf(data, 'job');
  mkdirSync(folder.staging(1), { recursive: true });
  const files = await Promise.all(
    names.map(async name => {
      const path = join(folder.staging(1), name);
      writeFileSync(path, `the tensors of ${name}`);
      const bytes = statSync(path).size;
      return { name, type: 'lora', path, fileName: name, bytes, sha256: await hashFile(path) } as const;
    }),
  );
  const publication = await planPublication(data, lease, { files, result: { steps: 3 } }, 0);
  return {
    ...{ data, publication, journal: folder.publication, loras: data.loras },
    inLoras: () => readdirSync(data.loras).sort(),
  };
}

const job = (state: Job['state']): Job => ({ state }) as Job;

test('nothing is visible before its names are written down, and everything afterwards', async () => {
  const { data, publication, journal, inLoras } = await plan();
  expect(inLoras()).toEqual([]);
  expect(await readPublication(journal)).toEqual(publication);
  const artefacts = await placeFiles(data, publication);
  expect(inLoras()).toEqual([...names].sort());
  expect(artefacts.map(({ path }) => path)).toEqual(names.map(name => `loras/${name}`));
  await endPublication(data, publication);
  expect(existsSync(journal)).toBe(false);
  expect(readdirSync(jobFolderOf(data, 'job').path)).toEqual([]);
  expect(readFileSync(join(data.loras, names[0]), 'utf8')).toBe(`the tensors of ${names[0]}`);
});

describe('after a death between two files', () => {
  const half = async (loras?: string) => {
    const planned = await plan(loras);
    const [file] = planned.publication.files;
    const places = {
      staged: join(planned.data.path, file.staged),
      target: join(planned.data.path, file.target),
    };
    const answer = await place(file, places);
    return { ...planned, answer, read: (await readPublication(planned.journal)) as Publication };
  };

  test('the next attempt goes on: what is in its place stays there', async () => {
    const { data, read, inLoras } = await half();
    const { ino } = statSync(join(data.loras, names[0]));
    expect(await isWhole(data, read)).toBe(true);
    await placeFiles(data, read);
    await placeFiles(data, read);
    expect(inLoras()).toEqual([...names].sort());
    expect(statSync(join(data.loras, names[0])).ino).toBe(ino);
  });

  test('a name that somebody took meanwhile is theirs', async () => {
    const { data, read, journal, inLoras } = await half();
    writeFileSync(join(data.loras, names[1]), 'mine');
    const artefacts = await placeFiles(data, read);
    expect(artefacts[1].path).toBe('loras/other-2.safetensors');
    expect((await readPublication(journal))?.files[1].target).toBe('loras/other-2.safetensors');
    expect(readFileSync(join(data.loras, names[1]), 'utf8')).toBe('mine');
    expect(inLoras()).toHaveLength(3);
  });

  test('taken back, nothing of it is left, and nothing of others is gone', async () => {
    const { data, read, journal, inLoras } = await half();
    writeFileSync(join(data.loras, names[1]), 'mine');
    await undoPublication(data, read);
    expect(inLoras()).toEqual([names[1]]);
    expect(existsSync(journal)).toBe(false);
  });

  test('a file that somebody put in place of ours is not taken away', async () => {
    const { data, read } = await half();
    rmSync(join(data.loras, names[0]));
    writeFileSync(join(data.loras, names[0]), `the tensors of ${names[0]}`.toUpperCase());
    await undoPublication(data, read);
    expect(readFileSync(join(data.loras, names[0]), 'utf8')).toContain('TENSORS');
  });

  test('what was staged and is gone makes it no whole', async () => {
    const { data, read } = await half();
    rmSync(join(data.path, read.files[0].staged)); // its second name is still there
    expect(await isWhole(data, read)).toBe(true);
    rmSync(join(data.path, read.files[1].staged));
    expect(await isWhole(data, read)).toBe(false);
  });

  test('moved instead of linked, as on a disk without second names', async () => {
    const { data, publication, journal, inLoras } = await plan();
    const moved = {
      ...publication,
      files: publication.files.map(file => ({ ...file, way: 'move' as const })),
    };
    await writePublication(journal, moved);
    await placeFiles(data, moved);
    expect(existsSync(join(data.path, moved.files[0].staged))).toBe(false);
    expect((await placeFiles(data, moved)).map(({ path }) => path)).toEqual(
      names.map(name => `loras/${name}`),
    );
    expect(await isWhole(data, moved)).toBe(true);
    await undoPublication(data, moved);
    expect(inLoras()).toEqual([]);
  });

  const otherDisk = '/dev/shm';
  const isOther = existsSync(otherDisk) && statSync(otherDisk).dev !== statSync(temporaryFolder()).dev;
  test.skipIf(!isOther)('copied, where the folder is on another disk', async () => {
    const loras = mkdtempSync(join(otherDisk, 'lora-test-'));
    try {
      const { data, read, answer, inLoras } = await half(loras);
      expect(answer).toBe('copy');
      await placeFiles(data, read);
      expect(read.files.map(({ way }) => way)).toEqual(['copy', 'copy']);
      expect((await placeFiles(data, read)).map(({ path }) => path)).toEqual(
        names.map(name => `loras/${name}`),
      );
      expect(inLoras()).toEqual([...names].sort());
      await undoPublication(data, read);
      expect(inLoras()).toEqual([]);
    } finally {
      rmSync(loras, { recursive: true });
    }
  });
});

test.each([
  ['done', 'ended', 2],
  ['queued', 'waits', 2],
  ['paused', 'waits', 2],
  ['running', 'waits', 2],
  ['cancelled', 'undone', 0],
  ['failed', 'undone', 0],
  [undefined, 'ended', 2],
] as const)('a start that finds a publication of a job that is %s: %s', async (state, answer, files) => {
  const { data, publication, journal, inLoras } = await plan();
  await placeFiles(data, publication);
  expect(await settlePublication(data, 'job', state && job(state))).toBe(answer);
  expect(inLoras()).toHaveLength(files);
  expect(existsSync(journal)).toBe(answer === 'waits');
});
