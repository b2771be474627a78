/** @file A picture beside the model as other programs look for it: `X.preview.png`, written anew without what cameras add. */
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { badInput } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { stemOf } from './siblings.ts';

const side = 1024;
const mostPixels = 40e6;

/** Any picture that sharp reads as a PNG of at most 1024 pixels a side. Throws PICTURE_NOT_A_PICTURE. */
export async function previewPng(picture: Uint8Array, shown = 'the picture'): Promise<Uint8Array> {
  try {
    return await sharp(picture, { limitInputPixels: mostPixels, failOn: 'error' })
      .rotate()
      .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .png({ compressionLevel: 9 })
      .toBuffer();
  } catch (cause) {
    const message = `${shown} is no picture that can be read: ${(cause as Error).message.split('\n')[0]}`;
    throw badInput(
      'PICTURE_NOT_A_PICTURE',
      message,
      'Give a PNG, JPEG or WebP of at most 40 megapixels.',
      cause,
    );
  }
}

/** Writes `X.preview.png` beside the model; throws WRITE_EXISTS where there is one, unless it is to be replaced. */
export async function exportPreview(
  path: string,
  picture: Uint8Array,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<string> {
  const target = join(dirname(path), `${stemOf(basename(path))}.preview.png`);
  await writeFileAtomic(target, await previewPng(picture), { keepExisting: !replace });
  return target;
}
