/** @file Small pictures that show how far a job is. */
import sharp, { type Sharp } from 'sharp';
import type { Pixels } from '../../files/index.ts';

/** Sides; a page shows them beside one another. */
const mostSide = 512;
const quality = 80;

const asJpeg = async (picture: Sharp): Promise<Uint8Array> =>
  new Uint8Array(
    await picture
      .resize(mostSide, mostSide, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality })
      .toBuffer(),
  );

/** A picture file as a small JPEG. */
export const smallJpeg = (bytes: Uint8Array): Promise<Uint8Array> => asJpeg(sharp(bytes));

/** Pixels as a small JPEG. */
export const jpegOf = ({ width, height, channels, data }: Pixels): Promise<Uint8Array> =>
  asJpeg(sharp(data, { raw: { width, height, channels } }));
