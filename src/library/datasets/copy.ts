/** @file Copies the pictures and captions of a data set; everything else in its folder is left behind. */
import { constants } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { mapInOrder } from '../../dataset/index.ts';
import { ensureFreeSpace } from '../../files/index.ts';
import type { DatasetListing, DatasetPicture } from './listing.ts';

const isText = (path: string): boolean => ['.txt', '.caption'].includes(extname(path).toLowerCase());

async function copyPicture(picture: DatasetPicture, from: string, to: string): Promise<void> {
  const { path, place, caption, captionSource, captionFiles } = picture;
  const target = join(to, ...place.split('/'));
  await mkdir(dirname(target), { recursive: true });
  await copyFile(path, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const texts = captionFiles.filter(isText);
  for (const text of texts) {
    const beside = join(to, relative(from, text));
    await copyFile(text, beside, constants.COPYFILE_FICLONE);
  }
  // Captions of JSON and metadata files become files of their own, which training prefers.
  if (texts.length > 0 || captionSource === undefined || captionSource === 'folder') return;
  const stem = basename(target).slice(0, -extname(target).length);
  await writeFile(join(dirname(target), `${stem}.txt`), `${caption}\n`);
}

/** Into a new folder. */
export async function copyDataset(
  { pictures, bytes }: DatasetListing,
  from: string,
  to: string,
): Promise<void> {
  await mkdir(to, { recursive: true });
  await ensureFreeSpace(to, bytes);
  await mapInOrder(pictures, 4, picture => copyPicture(picture, from, to));
}
