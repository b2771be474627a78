/** @file Masks as OpenAI means them: transparent is drawn anew. Ours are white where it is. */
import sharp from 'sharp';
import { badInput } from '../../../errors.ts';

const mostPixels = 40_000_000;

/** Whether a picture is transparent anywhere: then it is its own mask where none is given. */
export async function isTransparent(bytes: Uint8Array): Promise<boolean> {
  try {
    const { isOpaque } = await sharp(bytes, { limitInputPixels: mostPixels }).stats();
    return !isOpaque;
  } catch (cause) {
    throw badInput('PICTURE_UNREADABLE', 'the image cannot be read as a picture', undefined, cause);
  }
}

export async function maskOf(bytes: Uint8Array): Promise<Buffer> {
  try {
    const picture = sharp(bytes, { limitInputPixels: mostPixels });
    const { hasAlpha } = await picture.metadata();
    if (!hasAlpha)
      throw badInput(
        'MASK_NOT_TRANSPARENT',
        'the mask has no transparent places',
        'Send a PNG that is transparent where the picture is to be drawn anew.',
      );
    return await picture
      .extractChannel('alpha')
      .negate({ alpha: false })
      .toColourspace('b-w')
      .png()
      .toBuffer();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'LoraError') throw cause;
    throw badInput('PICTURE_UNREADABLE', 'the mask cannot be read as a picture', undefined, cause);
  }
}
