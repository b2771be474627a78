/** @file Every edit of captions is kept in `.lora-captions/` with the old bytes, written before the first caption is. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';

const base64 = z.base64();

const fileSchema = z.object({
  /** Within the folder; never out of it, and only a caption. */
  path: z
    .string()
    .regex(/\.(txt|caption)$/i)
    .refine(path => !path.split(/[\\/]/).includes('..') && !/^([\\/]|[A-Za-z]:)/.test(path)),
  /** Bytes; null where there was no file. */
  before: base64.nullable(),
  after: base64,
});

const editSchema = z.object({
  format: z.literal('lora-studio caption edit 1'),
  /** What was asked for, in words. */
  what: z.string(),
  at: z.string(),
  files: z.array(fileSchema),
});

export type KeptEdit = z.infer<typeof editSchema>;

export interface HistoryEntry {
  readonly number: number;
  readonly isUndone: boolean;
  readonly path: string;
}

export const historyFolder = (folder: string): string => join(folder, '.lora-captions');

const nameOf = (number: number, isUndone: boolean): string =>
  `${isUndone ? 'undone' : 'edit'}-${String(number).padStart(6, '0')}.json`;

/** All edits, the oldest first. */
export async function listEdits(folder: string): Promise<HistoryEntry[]> {
  const inner = historyFolder(folder);
  if (!existsSync(inner)) return [];
  const entries = (await readdir(inner)).flatMap(name => {
    const match = /^(edit|undone)-(\d{6,})\.json$/.exec(name);
    if (!match) return [];
    return [{ number: Number(match[2]), isUndone: match[1] === 'undone', path: join(inner, name) }];
  });
  return entries.sort((a, b) => a.number - b.number);
}

export async function readEdit({ path }: HistoryEntry): Promise<KeptEdit> {
  const text = await readFile(path, 'utf8');
  try {
    return editSchema.parse(JSON.parse(text));
  } catch (cause) {
    const hint = 'Was it edited by hand? Move it away to reach the edits before it.';
    throw badInput('CAPTION_HISTORY', `${path} is not an edit that can be undone`, hint, cause);
  }
}

export async function keepEdit(folder: string, edit: Omit<KeptEdit, 'format'>): Promise<HistoryEntry> {
  const inner = historyFolder(folder);
  await mkdir(inner, { recursive: true });
  const number = ((await listEdits(folder)).at(-1)?.number ?? 0) + 1;
  const path = join(inner, nameOf(number, false));
  const kept: KeptEdit = { format: 'lora-studio caption edit 1', ...edit };
  await writeFileAtomic(path, `${JSON.stringify(kept, null, 1)}\n`, { keepExisting: true });
  return { number, isUndone: false, path };
}

export async function markUndone(folder: string, { number, path }: HistoryEntry): Promise<void> {
  await rename(path, join(historyFolder(folder), nameOf(number, true)));
}
