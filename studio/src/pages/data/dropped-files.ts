/**
 * @file What was dropped or chosen: files and folders become pictures, each with the caption file that lies beside it.
 * What is neither is told, not passed over.
 */

import type { GivenFile } from '../../parts/dropped-files.ts';

export interface NewPicture {
  readonly path: string;
  readonly file: File;
  readonly caption?: File | undefined;
}

export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export interface GivenFiles {
  readonly pictures: readonly NewPicture[];
  readonly leftOut: readonly LeftOut[];
}

const pictureEndings = new Set(['png', 'jpg', 'jpeg', 'webp', 'gif', 'bmp', 'tif', 'tiff', 'avif', 'jfif']);
const captionEndings = new Set(['txt', 'caption']);

const endingOf = (path: string): string => /\.([^./]+)$/.exec(path)?.[1].toLowerCase() ?? '';
const stemOf = (path: string): string => path.replace(/\.[^./]+$/, '').toLowerCase();
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Files that systems put into folders and nobody means. */
const isHidden = (path: string): boolean =>
  path.split('/').some(part => part.startsWith('.') || part === '__MACOSX') ||
  ['thumbs.db', 'desktop.ini'].includes(nameOf(path).toLowerCase());

function reasonFor(ending: string): string {
  if (captionEndings.has(ending)) return 'a caption without a picture of its name';
  if (ending === 'zip' || ending === '7z' || ending === 'rar')
    return 'an archive: unpack it and drop its folder';
  if (ending === 'heic' || ending === 'heif') return 'HEIC cannot be read here: save it as JPEG or PNG';
  if (['mp4', 'mov', 'webm', 'mkv', 'avi'].includes(ending))
    return 'a film: save the frames that you want as pictures';
  return ending === '' ? 'not a picture' : `.${ending} is not a picture`;
}

/** Pairs pictures with captions of the same name in the same folder. */
export function pairFiles(given: readonly GivenFile[]): GivenFiles {
  const seen = given.filter(({ path }) => !isHidden(path));
  const captions = new Map(
    seen.filter(({ path }) => captionEndings.has(endingOf(path))).map(one => [stemOf(one.path), one]),
  );
  const pictures = seen
    .filter(({ path }) => pictureEndings.has(endingOf(path)))
    .map(({ path, file }) => ({ path, file, caption: captions.get(stemOf(path))?.file }))
    .sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
  const taken = new Set(pictures.map(({ path }) => stemOf(path)));
  const leftOut = seen
    .filter(({ path }) => !pictureEndings.has(endingOf(path)))
    .filter(({ path }) => !(captionEndings.has(endingOf(path)) && taken.has(stemOf(path))))
    .map(({ path }) => ({ path, reason: reasonFor(endingOf(path)) }));
  return { pictures, leftOut };
}

/** The folder that all files came out of, as a name for a new data set. */
export function folderNameOf(given: readonly GivenFile[]): string | undefined {
  const tops = new Set(given.map(({ path }) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')));
  const [top] = tops;
  return tops.size === 1 && top ? top : undefined;
}

/** A name that a data set may have: letters, digits, blanks, dots and dashes, beginning with a letter or digit. */
export function allowedName(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N} ._-]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .trim()
    .slice(0, 80)
    .trim();
}
