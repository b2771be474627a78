/** @file What a runner staged, made sure of: inside its own folders, whole on disk, and hashed. */
import { lstat, open, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { LoraError } from '../../errors.ts';
import { hashFile } from '../../files/index.ts';
import type { JobPlaces, StagedFile } from '../runner.ts';
import { type FinishedFile, finishedFile } from './messages.ts';

const wrong = (file: StagedFile, what: string): LoraError =>
  new LoraError('JOB_BAD_OUTPUT', `the job's file ${file.name} (${file.path}) ${what}`, {
    hint: 'This is a fault of LoRA Studio: please report it.',
  });

async function isWithin(path: string, folder: string): Promise<boolean> {
  const root = await realpath(folder).catch(() => undefined);
  return root !== undefined && path.startsWith(root.endsWith(sep) ? root : root + sep);
}

async function finishFile(file: StagedFile, places: JobPlaces): Promise<FinishedFile> {
  const path = resolve(file.path);
  const [facts, real] = await Promise.all([lstat(path), realpath(path)]).catch(() => {
    throw wrong(file, 'is not there');
  });
  if (!(await isWithin(real, places.staging)) && !(await isWithin(real, places.work)))
    throw wrong(file, "is outside of the job's folders");
  if (!facts.isFile()) throw wrong(file, 'is not a file');
  const handle = await open(path, 'r+');
  let bytes = 0;
  try {
    bytes = (await handle.stat()).size;
    await handle.sync();
  } finally {
    await handle.close();
  }
  const found = finishedFile.safeParse({
    ...{ name: file.name, type: file.type, fileName: file.fileName.normalize('NFC') },
    ...{ path, bytes, sha256: await hashFile(path) },
  });
  if (!found.success) throw wrong(file, `cannot be published as ${JSON.stringify(file.fileName)}`);
  return found.data;
}

/** Throws JOB_BAD_OUTPUT. */
export async function finishFiles(files: readonly StagedFile[], places: JobPlaces): Promise<FinishedFile[]> {
  const finished: FinishedFile[] = [];
  for (const file of files) {
    if (finished.some(({ name }) => name === file.name)) throw wrong(file, 'has the name of another one');
    finished.push(await finishFile(file, places));
  }
  return finished;
}
