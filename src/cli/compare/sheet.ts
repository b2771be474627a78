/** @file A comparison sheet: pictures in rows and columns under the values that they were made with. */
import sharp from 'sharp';
import {
  type Canvas,
  canvas,
  colors,
  type LabelOptions,
  label,
  line,
  rectangle,
  toSvg,
} from '../plots/svg.ts';
import {
  type Layout,
  layOut,
  leading,
  noteSize,
  type SheetSize,
  type SheetText,
  titleSize,
} from './sheet-layout.ts';

export interface Sheet extends SheetText {
  /** Paths of pictures, by row and column; undefined where one is missing. */
  readonly files: readonly (readonly (string | undefined)[])[];
  /** The size of the largest picture. */
  readonly picture: SheetSize;
}

export interface DrawnSheet {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pixels of the sheet for one of a picture. */
  readonly scale: number;
}

function drawTitles(
  drawing: Canvas,
  { margin, type, titleLines, subtitleLines, captionLines }: Layout,
): void {
  let top = margin - Math.round(0.3 * type);
  const write = (lines: readonly string[], size: number, style: LabelOptions): void => {
    for (const text of lines) {
      label(drawing, text, margin, top + Math.round(1.1 * size), { ...style, size });
      top += leading(size);
    }
  };
  write(titleLines, titleSize(type), { bold: true });
  write(subtitleLines, type, { bold: true, color: colors.blue });
  write(captionLines, noteSize(type), { color: colors.faint });
}

/** The names of both axes. */
function drawAxisNames(drawing: Canvas, { x, y }: SheetText, layout: Layout): void {
  const { axisLine, type, margin, side, left, cell } = layout;
  const style = { size: noteSize(type), color: colors.faint };
  const from = margin + side;
  if (y.title !== '') label(drawing, y.title, from - type, axisLine, { ...style, anchor: 'end' });
  if (x.title === '') return;
  const to = left(x.values.length - 1) + cell.width;
  label(drawing, x.title, (from + to) / 2, axisLine, { ...style, anchor: 'middle' });
}

function drawHeads(drawing: Canvas, { x, y }: SheetText, layout: Layout): void {
  const { type, columnLines, rowLines, headTop, left, top, cell, margin, side } = layout;
  const bold = { size: type, bold: true } as const;
  const faint = { size: noteSize(type), color: colors.faint } as const;
  const bottom = top(0) - Math.round(0.4 * type);
  for (const [column, lines] of columnLines.entries()) {
    const middle = left(column) + cell.width / 2;
    const { note } = x.values[column];
    const notes = x.values.some(value => value.note !== undefined) ? leading(noteSize(type)) : 0;
    // Heads of fewer lines stand on the same ground as those of more.
    let base = Math.max(headTop, bottom - notes - lines.length * leading(type)) + type;
    for (const text of lines) {
      label(drawing, text, middle, base, { ...bold, anchor: 'middle' });
      base += leading(type);
    }
    if (note !== undefined)
      label(drawing, note, middle, base - Math.round(0.1 * type), { ...faint, anchor: 'middle' });
  }
  if (side === 0) return;
  for (const [row, lines] of rowLines.entries()) {
    const { note } = y.values[row];
    const height = lines.length * leading(type) + (note === undefined ? 0 : leading(noteSize(type)));
    let base = top(row) + (cell.height - height) / 2 + type;
    for (const text of lines) {
      label(drawing, text, margin + side - type, base, { ...bold, anchor: 'end' });
      base += leading(type);
    }
    if (note !== undefined) label(drawing, note, margin + side - type, base, { ...faint, anchor: 'end' });
  }
}

/** A hair line, without which white pictures have no edge. */
function drawFrame(drawing: Canvas, { left, top, cell }: Layout, row: number, column: number): void {
  const [x, y] = [left(column), top(row)];
  rectangle(drawing, x - 1, y - 1, cell.width + 2, cell.height + 2, colors.grid);
  rectangle(drawing, x, y, cell.width, cell.height, colors.paper);
}

/** An empty place with a dash in it. */
function drawMissing(drawing: Canvas, { left, top, cell, type }: Layout, row: number, column: number): void {
  rectangle(drawing, left(column), top(row), cell.width, cell.height, colors.grid);
  const [x, y] = [left(column) + cell.width / 2, top(row) + cell.height / 2];
  const dash: [number, number][] = [
    [x - type / 2, y],
    [x + type / 2, y],
  ];
  line(drawing, dash, colors.faint, Math.max(2, type / 8));
}

interface Pixels extends SheetSize {
  /** Interleaved RGB. */
  readonly data: Uint8Array;
}

/** A picture at the sheet's scale, or smaller where it is not of the size that was planned. */
async function readTile(path: string, planned: number, cell: SheetSize): Promise<Pixels> {
  const picture = sharp(path);
  const { width = 1, height = 1 } = await picture.metadata();
  const scale = Math.min(planned, cell.width / width, cell.height / height);
  const size = [width, height].map(side => Math.max(1, Math.round(side * scale)));
  const kernel = scale > 1 ? 'cubic' : 'lanczos3';
  const { data, info } = await (scale === 1
    ? picture
    : picture.resize(size[0], size[1], { kernel, fit: 'fill' })
  )
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Puts a tile into the middle of a cell. */
function paste(sheet: Pixels, tile: Pixels, left: number, top: number, cell: SheetSize): void {
  const x = left + Math.floor((cell.width - tile.width) / 2);
  const y = top + Math.floor((cell.height - tile.height) / 2);
  for (let row = 0; row < tile.height; row++) {
    const from = tile.data.subarray(3 * row * tile.width, 3 * (row + 1) * tile.width);
    sheet.data.set(from, 3 * ((y + row) * sheet.width + x));
  }
}

async function drawBackground(drawing: Canvas, title: string): Promise<Pixels> {
  const { data, info } = await sharp(Buffer.from(toSvg(drawing, title)), {
    density: 72,
    limitInputPixels: false,
  })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Draws the sheet as a PNG. */
export async function drawSheet(sheet: Sheet): Promise<DrawnSheet> {
  const layout = layOut(sheet, sheet.picture);
  const { width, height, scale, cell, left, top } = layout;
  const drawing = canvas(width, height);
  drawTitles(drawing, layout);
  drawAxisNames(drawing, sheet, layout);
  drawHeads(drawing, sheet, layout);
  for (const [row, files] of sheet.files.entries()) {
    for (const [column, path] of files.entries()) {
      if (path === undefined) drawMissing(drawing, layout, row, column);
      else drawFrame(drawing, layout, row, column);
    }
  }
  const pixels = await drawBackground(drawing, sheet.title);
  for (const [row, files] of sheet.files.entries()) {
    for (const [column, path] of files.entries())
      if (path !== undefined) paste(pixels, await readTile(path, scale, cell), left(column), top(row), cell);
  }
  const raw = { width: pixels.width, height: pixels.height, channels: 3 as const };
  const png = await sharp(pixels.data, { raw, limitInputPixels: false }).png().toBuffer();
  return { png, width, height, scale };
}
