/** @file Pixels of sheets: pictures read at the size they are shown at, and put onto a drawing. */
import sharp, { type Sharp } from 'sharp';
import { type Canvas, toSvg } from '../drawing/svg.ts';
import type { SheetSize } from './layout.ts';

export interface Pixels extends SheetSize {
  /** Interleaved RGB. */
  readonly data: Uint8Array;
}

async function rgb(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** A picture at a scale, or smaller where it would not fit into its cell. */
export async function readTile(path: string, wanted: number, cell: SheetSize): Promise<Pixels> {
  const picture = sharp(path);
  const { width = 1, height = 1 } = await picture.metadata();
  const scale = Math.min(wanted, cell.width / width, cell.height / height);
  if (scale === 1) return rgb(picture);
  const size = [width, height].map(side => Math.max(1, Math.round(side * scale)));
  const kernel = scale > 1 ? 'cubic' : 'lanczos3';
  return rgb(picture.resize(size[0], size[1], { kernel, fit: 'fill' }));
}

/** Puts a tile into the middle of a cell. */
export function paste(sheet: Pixels, tile: Pixels, left: number, top: number, cell: SheetSize): void {
  const x = left + Math.floor((cell.width - tile.width) / 2);
  const y = top + Math.floor((cell.height - tile.height) / 2);
  for (let row = 0; row < tile.height; row++) {
    const from = tile.data.subarray(3 * row * tile.width, 3 * (row + 1) * tile.width);
    sheet.data.set(from, 3 * ((y + row) * sheet.width + x));
  }
}

/** A drawing as pixels, one for each of its units. */
export const rasterize = (drawing: Canvas, title: string): Promise<Pixels> =>
  rgb(sharp(Buffer.from(toSvg(drawing, title)), { density: 72, limitInputPixels: false }));

export const encodeSheet = ({ width, height, data }: Pixels): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png({ adaptiveFiltering: true })
    .toBuffer();
