import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ensureFreeSpace,
  ensureWritableFolder,
  removeLeftovers,
  writeAtomically,
  writeFileAtomic,
} from './atomic-write.ts';
import { lockFile } from './lock.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'lora-write-'));
/** Larger than any process id. */
const deadProcess = 999_999_999;

test('a write that fails in its middle leaves the old file and nothing else', async () => {
  const path = join(folder(), 'a');
  writeFileSync(path, 'old');
  const noSpace = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const writing = writeAtomically(path, async file => {
    await file.write(Buffer.from('half of the new'));
    throw noSpace;
  });
  await expect(writing).rejects.toMatchObject({ code: 'WRITE_NO_SPACE', cause: noSpace });
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(join(path, '..'))).toEqual(['a']);
  const programming = writeAtomically(path, () => Promise.reject(new RangeError('wrong size')));
  await expect(programming).rejects.toThrow(RangeError);
});

test('replaces a file, or keeps it where that is asked', async () => {
  const path = join(folder(), 'a');
  await writeFileAtomic(path, 'one', { keepExisting: true });
  await writeFileAtomic(path, 'two');
  await expect(writeFileAtomic(path, 'three', { keepExisting: true })).rejects.toMatchObject({
    code: 'WRITE_EXISTS',
  });
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(join(path, '..'))).toEqual(['a']);
});

test.each([
  ['no/such/folder/a', 'WRITE_NO_FOLDER'],
  ['file/a', 'WRITE_NO_FOLDER'],
  ['x'.repeat(300), 'WRITE_BAD_NAME'],
])('%s: %s', async (name, code) => {
  const root = folder();
  writeFileSync(join(root, 'file'), '');
  await expect(writeFileAtomic(join(root, name), 'a')).rejects.toMatchObject({ code });
});

test('removes what killed writers left, and only that', async () => {
  const root = folder();
  const kept = ['a', `.a.${process.ppid}-0.tmp`, '.a.tmp', '.a.x.tmp', `.b.${deadProcess}-0.tmp`];
  // In a container a new process often has the id of the dead one.
  const left = [`.a.${deadProcess}-0.tmp`, `.a.${deadProcess}.tmp`, `.a.${process.pid}-77.tmp`];
  for (const name of [...kept, ...left]) writeFileSync(join(root, name), '');
  await removeLeftovers(join(root, 'a'));
  expect(readdirSync(root).sort()).toEqual(kept.sort());
  writeFileSync(join(root, left[0]), '');
  await writeFileAtomic(join(root, 'a'), 'new');
  expect(readdirSync(root).sort()).toEqual(kept.sort());
});

test('two writes at once to one path: one of them, whole', async () => {
  const path = join(folder(), 'a');
  const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(texts.map(text => writeFileAtomic(path, text)));
  expect(texts).toContain(readFileSync(path, 'utf8'));
  expect(readdirSync(join(path, '..'))).toEqual(['a']);
});

test.skipIf(process.platform === 'win32')('a link stays a link, rights stay as they are', async () => {
  const root = folder();
  const [file, link] = [join(root, 'file'), join(root, 'link')];
  writeFileSync(file, 'old', { mode: 0o600 });
  symlinkSync('file', link);
  await writeFileAtomic(link, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await expect(writeFileAtomic(link, 'newer', { keepExisting: true })).rejects.toMatchObject({
    code: 'WRITE_EXISTS',
  });
});

test('space and folders are checked before they are needed', async () => {
  const root = folder();
  await ensureFreeSpace(root, 1);
  await expect(ensureFreeSpace(root, 2 ** 60)).rejects.toMatchObject({ code: 'WRITE_NO_SPACE' });
  await ensureWritableFolder(join(root, 'new', 'folder'));
  expect(existsSync(join(root, 'new', 'folder'))).toBe(true);
  writeFileSync(join(root, 'file'), '');
  await expect(ensureWritableFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'WRITE_NO_FOLDER' });
});

describe('locks', () => {
  test('one holder at a time, also within a process', async () => {
    const path = join(folder(), 'a');
    const release = await lockFile(path);
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.pid));
    await expect(lockFile(path)).rejects.toMatchObject({ code: 'OUTPUT_BUSY' });
    await release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
    await (await lockFile(path))();
  });

  test.each([
    ['a dead process', String(deadProcess)],
    ['an earlier process with our id, as in a container', String(process.pid)],
    ['nobody: cut off while being written', ''],
  ])('the lock of %s is taken over', async (_, content) => {
    const path = join(folder(), 'a');
    writeFileSync(`${path}.lock`, content);
    const release = await lockFile(path);
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.pid));
    await release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test('the lock of a living process stays', async () => {
    const path = join(folder(), 'a');
    writeFileSync(`${path}.lock`, String(process.ppid));
    await expect(lockFile(path)).rejects.toMatchObject({ code: 'OUTPUT_BUSY' });
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.ppid));
  });

  test('of many who take over one dead lock, one gets it', async () => {
    const path = join(folder(), 'a');
    writeFileSync(`${path}.lock`, String(deadProcess));
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockFile(path)));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'OUTPUT_BUSY' });
  });
});
