/** @file Pictures of a card: the user's own, a side file's, or the one in the file. */
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { badInput } from '../../errors.ts';
import type { FileRow } from '../store/file-table.ts';
import { sideThumbnail } from './from-side-files.ts';
import { type Metadata, thumbnailKeys } from './metadata-facts.ts';
import { readMetadata } from './read-facts.ts';

const mostBytes = 64 * 2 ** 20;
const mostPixels = 100e6;
const longestSide = 1024;

/** The first picture in a text of base64: kohya's covers are a JSON list, modelspec's thumbnail is a `data:` URL. */
function pictureIn(text: string): Uint8Array | undefined {
  const list = /^\s*\[/.test(text) ? /"([A-Za-z0-9+/=\s:;,_-]{100,})"/.exec(text)?.[1] : text;
  const base64 = list?.replace(/^data:[^,]*,/, '');
  if (!base64 || !/^[A-Za-z0-9+/=\s_-]+$/.test(base64)) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length > 0 ? bytes : undefined;
}

function embedded(metadata: Metadata): Uint8Array | undefined {
  for (const key of thumbnailKeys) {
    const picture = pictureIn(metadata[key] ?? '');
    if (picture) return picture;
  }
  return undefined;
}

type Place = Pick<FileRow, 'path' | 'is' | 'siblings' | 'side'>;

async function besideIt({ path, siblings, side }: Place): Promise<Uint8Array | undefined> {
  if (side.preview !== undefined) {
    const facts = await stat(side.preview).catch(() => undefined);
    if (facts?.isFile() && facts.size <= mostBytes) return readFile(side.preview);
  }
  return side.hasThumbnail ? pictureIn((await sideThumbnail(path, siblings)) ?? '') : undefined;
}

/** As it lies there, whatever it is; undefined where there is none, or its file is away. */
export async function previewOf(place: Place): Promise<Uint8Array | undefined> {
  const beside = await besideIt(place).catch(() => undefined);
  if (beside) return beside;
  try {
    return embedded(readMetadata(place));
  } catch {
    return undefined; // its drive is away; the card says so
  }
}

/** A picture as it is kept: upright, of a size for cards, without what cameras write into files. */
export async function keptPreview(picture: Uint8Array): Promise<Uint8Array> {
  if (picture.length > mostBytes)
    throw badInput(
      'PREVIEW_TOO_LARGE',
      `the picture has ${picture.length} bytes; at most ${mostBytes} are read`,
    );
  try {
    return await sharp(picture, { limitInputPixels: mostPixels })
      .rotate()
      .resize({ width: longestSide, height: longestSide, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .webp({ quality: 84 })
      .toBuffer();
  } catch (cause) {
    const why = (cause as Error).message;
    const hint = 'Give a PNG, JPEG, WebP, AVIF or GIF.';
    throw badInput('PICTURE_NOT_A_PICTURE', `the preview cannot be read as a picture: ${why}`, hint, cause);
  }
}
