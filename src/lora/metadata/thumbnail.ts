/** @file A picture as the `data:` URL of `modelspec.thumbnail`: small, JPEG, and without what cameras write into files. */
import sharp from 'sharp';
import { badInput } from '../../errors.ts';

/** The longer side, as the model metadata standard suggests. */
const side = 256;
const mostPixels = 100e6;

/** Reads a picture of any format that libvips knows. Throws PICTURE_NOT_A_PICTURE. */
export async function makeThumbnail(path: string): Promise<string> {
  try {
    const jpeg = await sharp(path, { limitInputPixels: mostPixels })
      .rotate()
      .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality: 82 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
  } catch (cause) {
    const why = (cause as Error).message;
    throw badInput(
      'PICTURE_NOT_A_PICTURE',
      `${path} cannot be made a thumbnail: ${why}`,
      'Give a JPEG, PNG or WebP.',
      cause,
    );
  }
}
