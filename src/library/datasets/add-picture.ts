/** @file Puts an uploaded picture or caption into a data set: whole, decoded once, under a name of its own, or not at all. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  defaultLimits,
  inspectPicture,
  isSkip,
  type PictureFacts,
  pictureExtensions,
} from '../../dataset/index.ts';
import { badInput, LoraError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { receiveBytes, receiveFile } from '../receive.ts';
import { systemCode, writeFault } from '../system-faults.ts';
import { endingOf, freeStem, safeStem } from './file-names.ts';

export const mostPictureBytes = 256 * 2 ** 20;
/** As when training reads captions. */
const mostCaptionBytes = 64 * 1024;

export interface AddedFile {
  readonly kind: 'picture' | 'caption';
  readonly path: string;
  /** The same picture was there under this name. */
  readonly wasThere: boolean;
}

export interface AddPlaces {
  readonly folder: string;
  /** On the same disk. */
  readonly incoming: string;
}

async function checkPicture(path: string, name: string): Promise<PictureFacts> {
  const facts = await inspectPicture(path, defaultLimits);
  if (!isSkip(facts)) return facts;
  const hint = 'Give a whole JPEG, PNG, WebP, AVIF, TIFF, GIF or BMP file.';
  throw badInput(facts.code, `${name}: ${facts.reason.replaceAll(path, name)}`, hint);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** A link never replaces what is there; file systems without links are looked at first. */
async function giveName(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    await rm(temporary, { force: true });
    return true;
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST' || existsSync(path)) return false;
    await rename(temporary, path);
    return true;
  }
}

async function isSamePicture(path: string, hash: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  return (
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex') === hash
  );
}

async function place(temporary: string, name: string, hash: string, folder: string): Promise<AddedFile> {
  const [stem, ending] = [safeStem(name), endingOf(name)];
  const wanted = join(folder, stem + ending);
  if (await isSamePicture(wanted, hash)) {
    await rm(temporary, { force: true });
    return { kind: 'picture', path: wanted, wasThere: true };
  }
  for (;;) {
    const path = join(folder, freeStem(folder, stem) + ending);
    if (!(await giveName(temporary, path))) continue;
    await syncFolder(folder);
    return { kind: 'picture', path, wasThere: false };
  }
}

/** Throws UPLOAD_*, PICTURE_* and DISK_*; then nothing is left of it. */
export async function addPicture(stream: Readable, name: string, places: AddPlaces): Promise<AddedFile> {
  const ending = endingOf(name);
  if (!pictureExtensions.includes(ending)) {
    stream.destroy();
    const hint = `Pictures end with ${pictureExtensions.join(' ')}, captions with .txt.`;
    throw badInput('UPLOAD_TYPE', `${JSON.stringify(name.slice(0, 200))} is no picture by its name`, hint);
  }
  const shown = `${safeStem(name)}${ending}`;
  const { path: temporary } = await receiveFile(stream, places.incoming, {
    ...{ name: shown, mostBytes: mostPictureBytes },
  });
  try {
    const { hash } = await checkPicture(temporary, shown);
    return await place(temporary, name, hash, places.folder);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeFault(shown, cause);
  }
}

/** A caption file beside its picture; one that is there is not replaced. Throws CAPTION_*. */
export async function addCaption(stream: Readable, name: string, { folder }: AddPlaces): Promise<AddedFile> {
  const shown = `${safeStem(name)}.txt`;
  const bytes = await receiveBytes(stream, { name: shown, mostBytes: mostCaptionBytes });
  if (bytes.includes(0) && !(bytes[0] === 0xff || bytes[0] === 0xfe))
    throw badInput('CAPTION_BINARY', `${shown} is not text`, 'Save the caption as UTF-8 text.');
  const path = join(folder, shown);
  if (existsSync(path) && Buffer.compare(await readFile(path), bytes) === 0)
    return { kind: 'caption', path, wasThere: true };
  try {
    await writeFileAtomic(path, bytes, { keepExisting: true });
  } catch (cause) {
    if (!(cause instanceof LoraError) || cause.code !== 'WRITE_EXISTS') throw writeFault(shown, cause);
    const hint = 'Change it in the list of captions.';
    throw badInput('CAPTION_EXISTS', `${shown} is there already, with another text`, hint, cause);
  }
  return { kind: 'caption', path, wasThere: false };
}
