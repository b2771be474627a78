/** @file The grid that A1111 puts before several pictures that it saves. */
import sharp from 'sharp';
import type { DrawnPicture } from '../drawing.ts';
import { withPngText } from './png-text.ts';

/** As nearly square as A1111's: rows are the rounded root. */
export function gridSize(count: number): { rows: number; columns: number } {
  const rows = Math.min(count, Math.round(Math.sqrt(count)));
  return { rows, columns: Math.ceil(count / rows) };
}

/** Row by row on black; with the text of the first picture. */
export async function gridOf(pictures: readonly DrawnPicture[]): Promise<Buffer> {
  const { rows, columns } = gridSize(pictures.length);
  const width = Math.max(...pictures.map(picture => picture.width));
  const height = Math.max(...pictures.map(picture => picture.height));
  const png = await sharp({
    create: { width: columns * width, height: rows * height, channels: 3, background: 'black' },
  })
    .composite(
      pictures.map(({ bytes }, i) => ({
        ...{ input: bytes, left: (i % columns) * width, top: Math.floor(i / columns) * height },
      })),
    )
    .removeAlpha()
    .png()
    .toBuffer();
  return withPngText(png, { parameters: pictures[0].parameters });
}
