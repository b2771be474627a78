/** @file The contact sheet of previews: prompts from top to bottom, without the LoRA and then step by step to the right. */
import sharp, { type OverlayOptions } from 'sharp';
import type { DrawSheet, PreviewRequest, PreviewSheet } from '../../training/index.ts';
import { oneLine } from '../lines.ts';
import { canvas, colors, fitted, label, rectangle, toSvg } from '../plots/svg.ts';

const margin = 24;
const gap = 10;
const titleHeight = 56;
const headHeight = 26;
const lineHeight = 24;
/** The sheet is no wider than this, as long as pictures can be seen. */
const mostWidth = 2400;
const cellSides = { least: 128, most: 320 } as const;
/** Of more steps, the first, the last, and some evenly between are shown. */
const mostColumns = 16;

/** Positions in the sheet's columns. */
function chosenColumns(count: number): number[] {
  if (count <= mostColumns) return Array.from({ length: count }, (_, i) => i);
  // The base stays, and the newest.
  const last = mostColumns - 2;
  return [0, ...Array.from({ length: last + 1 }, (_, i) => 1 + Math.round((i * (count - 2)) / last))];
}

const columnName = (step: number): string => (step === 0 ? 'without' : `step ${step}`);

const settingsOf = ({ seed, steps, guidance, width, height, sampler }: PreviewRequest): string =>
  `${width}×${height}, seed ${seed}, ${steps} steps of ${sampler.samplerLabel}, guidance ${guidance}`;

/** A picture fitted into a square cell, pixels enlarged as they are where it is small. */
async function fittedTile(path: string, side: number): Promise<Buffer> {
  const picture = sharp(path);
  const { width = side, height = side } = await picture.metadata();
  const isSmall = Math.max(width, height) <= side / 2;
  return picture
    .resize(side, side, {
      kernel: isSmall ? 'nearest' : 'lanczos3',
      fit: 'contain',
      background: colors.paper,
    })
    .png()
    .toBuffer();
}

/** Draws the sheet as a PNG. */
export const drawPreviewSheet: DrawSheet = async ({ title, steps, rows }: PreviewSheet) => {
  const columns = chosenColumns(steps.length);
  const across = mostWidth - 2 * margin - gap * (columns.length - 1);
  const side = Math.round(
    Math.max(cellSides.least, Math.min(cellSides.most, across / Math.max(1, columns.length))),
  );
  const width = Math.max(560, 2 * margin + columns.length * (side + gap) - gap);
  const top = titleHeight + headHeight;
  const rowHeight = lineHeight + side + gap;
  const drawing = canvas(width, top + rows.length * rowHeight + margin);
  const room = width - 2 * margin;
  label(drawing, fitted(oneLine(title), room, 18, true), margin, 36, { size: 18, bold: true });
  const left = (column: number): number => margin + column * (side + gap);
  for (const [column, at] of columns.entries()) {
    const style = { size: 13, bold: true, anchor: 'middle' } as const;
    label(drawing, columnName(steps[at]), left(column) + side / 2, titleHeight + 16, style);
  }
  const tiles: OverlayOptions[] = [];
  for (const [r, { request, files }] of rows.entries()) {
    const y = top + r * rowHeight;
    const text = `${oneLine(request.prompt)}  ·  ${settingsOf(request)}`;
    label(drawing, fitted(text, room, 12), margin, y + 16, { size: 12, color: colors.faint });
    for (const [column, at] of columns.entries()) {
      const path = files[at];
      const place = { left: left(column), top: y + lineHeight };
      if (path === undefined) rectangle(drawing, place.left, place.top, side, side, colors.grid);
      else tiles.push({ input: await fittedTile(path, side), ...place });
    }
  }
  const background = await sharp(Buffer.from(toSvg(drawing, title)), { density: 72 })
    .png()
    .toBuffer();
  return sharp(background).composite(tiles).removeAlpha().png({ compressionLevel: 9 }).toBuffer();
};
