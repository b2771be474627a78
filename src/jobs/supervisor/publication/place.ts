/** @file Gives one staged file its name, whole and never over another one; and takes it away again. */
import { createReadStream } from 'node:fs';
import { link, rename, rm, stat } from 'node:fs/promises';
import { hashFileInThread, writeAtomically, writeWhole } from '../../../files/index.ts';
import type { PublishedFile } from './journal.ts';

export interface Placed {
  readonly staged: string;
  readonly target: string;
}

const codeOf = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** What a disk answers that has no second names for files (FAT, some network shares). */
const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']);

const lookAt = (path: string) => stat(path).catch(() => undefined);

/** Whether what lies at the target is the staged file, put there by this publication. */
export async function isOurs(file: PublishedFile, { staged, target }: Placed): Promise<boolean> {
  const [there, here] = await Promise.all([lookAt(target), lookAt(staged)]);
  if (!there?.isFile()) return false;
  if (here && here.dev === there.dev && here.ino === there.ino) return true;
  if (there.size !== file.bytes || (here && file.way !== 'copy')) return false;
  return (await hashFileInThread(target).hash) === file.sha256;
}

async function copy({ staged, target }: Placed): Promise<void> {
  const fill: Parameters<typeof writeAtomically>[1] = async handle => {
    for await (const block of createReadStream(staged, { highWaterMark: 2 ** 20 }))
      await writeWhole(handle, block as Uint8Array);
  };
  await writeAtomically(target, fill, { keepExisting: true });
}

const ways: Readonly<Record<PublishedFile['way'], (places: Placed) => Promise<void>>> = {
  link: ({ staged, target }) => link(staged, target),
  move: async ({ staged, target }) => {
    if (await lookAt(target)) throw Object.assign(new Error(`${target} is there`), { code: 'EEXIST' });
    await rename(staged, target);
  },
  copy,
};

/** `taken`: a file of somebody else has the name. Another way than that of `file`: it has to be this one here. */
export async function place(
  file: PublishedFile,
  places: Placed,
): Promise<'placed' | 'taken' | PublishedFile['way']> {
  if (await isOurs(file, places)) return 'placed';
  try {
    await ways[file.way](places);
    return 'placed';
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code === 'EEXIST' || code === 'WRITE_EXISTS') return 'taken';
    if (code === 'EXDEV' && file.way !== 'copy') return 'copy';
    if (withoutLinks.has(code) && file.way === 'link') return 'move';
    throw error;
  }
}

export async function takeAway(file: PublishedFile, places: Placed): Promise<void> {
  if (await isOurs(file, places)) await rm(places.target, { force: true });
}
