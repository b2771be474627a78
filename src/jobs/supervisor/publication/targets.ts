/** @file Where finished files go, by what they are, and which name they get there. */
import { existsSync } from 'node:fs';
import { join, parse } from 'node:path';
import type { DataFolder } from '../../../workbench/index.ts';
import type { FinishedFile } from '../../child/messages.ts';
import { isKeptInHistory } from '../../payloads/generate.ts';
import type { Lease } from '../../queue.ts';
import { jobFolderOf } from '../job-folder.ts';

/** `2026-11-27`, by the clock on the user's wall. */
function dayOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  const [month, day] = [date.getMonth() + 1, date.getDate()].map(n => String(n).padStart(2, '0'));
  return `${date.getFullYear()}-${month}-${day}`;
}

/** The folder of a file, absolute. */
export function targetFolder(
  data: DataFolder,
  { kind, jobId, payload }: Pick<Lease, 'kind' | 'jobId' | 'payload'>,
  type: FinishedFile['type'],
  now: number,
): string {
  if (type === 'lora') return data.loras;
  if (type === 'checkpoint') return data.checkpoints;
  if (type === 'picture' && kind === 'generate')
    return isKeptInHistory(payload) ? join(data.pictures, dayOf(now)) : jobFolderOf(data, jobId).files;
  return join(data.grids, jobId);
}

/** `name.png`, or the first of `name-2.png`, `name-3.png` … that is neither there nor among `taken`. */
export function freeTarget(folder: string, fileName: string, taken: ReadonlySet<string>): string {
  const { name, ext } = parse(fileName);
  for (let n = 1; ; n++) {
    const path = join(folder, n === 1 ? fileName : `${name}-${n}${ext}`);
    if (!taken.has(path) && !existsSync(path)) return path;
  }
}
