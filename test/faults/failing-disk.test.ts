/**
 * The n-th call of each kind that a save makes fails, n = 1, 2 … until none is left (as SQLite is tested): what was saved
 * before, or what was to be saved, is there; the message names the file; nothing else is left at the next start.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { LoraError } from '../../src/errors.ts';
import {
  type Disk,
  type DiskFile,
  disk,
  openSafetensors,
  readTensor,
  removeLeftovers,
} from '../../src/files/index.ts';
import { runStatePath } from '../../src/training/run-state.ts';
import { loadRunState } from '../../src/training/state/generations.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { fingerprint, isOfStep, openSavedRun, saveAll, steps } from '../support/save-sequence.ts';

const own = { ...disk };
afterEach(() => void Object.assign(disk, own));

const callNames = [
  ...(['open', 'write', 'sync', 'close', 'rename', 'link', 'unlink', 'rm', 'readdir', 'stat'] as const),
];
type CallName = (typeof callNames)[number];

interface Fault {
  readonly call: CallName;
  /** The call with this number, counted from 1. */
  readonly n: number;
  readonly code: 'ENOSPC' | 'EIO' | 'EMFILE' | 'short';
  /** All later calls of this kind fail too, as on a disk that is full. */
  readonly forGood: boolean;
}

/** Puts a fault into the disk; tells whether it has struck. */
function breakDisk({ call, n, code, forGood }: Fault): () => boolean {
  let count = 0;
  const strikes = (name: CallName): boolean => {
    if (name !== call) return false;
    count++;
    return forGood ? count >= n : count === n;
  };
  const failure = (name: string, path: string): Error =>
    Object.assign(new Error(`${code}: ${name} '${path}'`), { code });
  const broken = (file: DiskFile, path: string): DiskFile =>
    ({
      async write(bytes: Uint8Array, offset: number, length: number, position: number | null) {
        if (!strikes('write')) return file.write(bytes, offset, length, position);
        // Half of it goes through; then the disk is full, or the rest does too.
        if (length > 1) await file.write(bytes, offset, length >> 1, position);
        if (code === 'short') return { bytesWritten: length >> 1, buffer: bytes };
        throw failure('write', path);
      },
      async sync() {
        if (strikes('sync')) throw failure('fsync', path);
        return file.sync();
      },
      async datasync() {
        if (strikes('sync')) throw failure('fdatasync', path);
        return file.datasync();
      },
      async close() {
        await file.close();
        if (strikes('close')) throw failure('close', path);
      },
    }) as DiskFile;
  const wrapped = (name: Exclude<CallName, 'write' | 'sync' | 'close' | 'open'>) =>
    (async (...args: never[]) => {
      if (strikes(name)) throw failure(name, String(args[0]));
      return (own[name] as (...rest: never[]) => Promise<unknown>)(...args);
    }) as never;
  const table: Disk = {
    ...own,
    async open(path, flags, mode) {
      if (strikes('open')) throw failure('open', path);
      return broken(await own.open(path, flags, mode), path);
    },
    ...{ rename: wrapped('rename'), link: wrapped('link'), unlink: wrapped('unlink') },
    ...{ rm: wrapped('rm'), readdir: wrapped('readdir'), stat: wrapped('stat') },
  };
  Object.assign(disk, table);
  return () => count >= n;
}

/** What may lie in the folder, and that it is whole. */
function checkFolder(folder: string, least: number): void {
  const out = join(folder, 'x.safetensors');
  const names = readdirSync(folder);
  for (const name of names)
    expect(name).toMatch(/^x(\.safetensors|\.run-state(\.previous)?|-step0000000[24]\.safetensors)$/);
  for (const name of names.filter(one => one.endsWith('.safetensors'))) {
    const file = openSafetensors(join(folder, name));
    const step = Number(/step(\d+)/.exec(name)?.[1] ?? steps);
    const tensors = [...file.tensors.keys()].filter(key => key.endsWith('.weight'));
    expect(tensors.filter(key => isOfStep(readTensor(file, key).data, step))).toHaveLength(2);
  }
  if (names.includes('x.safetensors')) return;
  const found = loadRunState(runStatePath(out), fingerprint);
  expect(found?.damage).toBeUndefined();
  const state = found?.state;
  expect(state?.step).toBeGreaterThanOrEqual(least);
  for (const { data } of [
    ...(state?.parameters.values() ?? []),
    ...(state?.optimizer.tensors.values() ?? []),
  ])
    expect(isOfStep(data as Float32Array, state?.step ?? -1)).toBe(true);
}

/** A run whose first step is saved, and whose other saves meet the fault. */
async function meet(fault: Fault): Promise<{ readonly struck: boolean; readonly failed: boolean }> {
  const folder = temporaryFolder();
  const run = await openSavedRun(folder);
  run.goTo(1);
  await run.saver.afterStep();
  const hasStruck = breakDisk(fault);
  const error = await saveAll(run, 2).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  Object.assign(disk, own);
  if (error !== undefined) {
    expect(error).toBeInstanceOf(LoraError);
    expect((error as LoraError).code).toMatch(/^WRITE_/);
    expect((error as LoraError).message).toContain(join(folder, 'x'));
    expect((error as LoraError).hint).toBeDefined();
  }
  // The next start.
  for (const path of [join(folder, 'x.safetensors'), runStatePath(join(folder, 'x.safetensors'))])
    await removeLeftovers(path);
  checkFolder(folder, 1);
  if (error === undefined) expect(readdirSync(folder)).toContain('x.safetensors');
  return { struck: hasStruck(), failed: error !== undefined };
}

const codes: Readonly<Partial<Record<CallName, readonly Fault['code'][]>>> = {
  open: ['EMFILE', 'EIO', 'ENOSPC'],
  write: ['ENOSPC', 'EIO', 'short'],
};

test.each(callNames)('%s: every n-th fails, once and from then on', async call => {
  let faults = 0;
  let failures = 0;
  for (const code of codes[call] ?? ['EIO', 'ENOSPC'])
    for (const forGood of [false, true]) {
      for (let n = 1; ; n++) {
        const { struck, failed } = await meet({ call, n, code, forGood });
        if (!struck) break;
        faults++;
        if (failed) failures++;
      }
    }
  expect(faults).toBeGreaterThan(5);
  // Looks are forgiven, and so are deletions; nothing else is, but for a short write, which goes on.
  if (['open', 'sync', 'close', 'rename'].includes(call)) expect(failures).toBeGreaterThan(faults / 2);
});
