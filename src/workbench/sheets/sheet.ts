/** @file A sheet: pictures in rows and columns under the values that they were made with. */
import { type Canvas, canvas, colors, type LabelOptions, label, line, rectangle } from '../drawing/svg.ts';
import {
  type Head,
  type HeadLines,
  headHeight,
  type Layout,
  layOut,
  leading,
  noteSize,
  type SheetLimits,
  type SheetSize,
  type SheetText,
  titleSize,
} from './layout.ts';
import { encodeSheet, paste, rasterize, readTile } from './pixels.ts';

export interface SampleRow extends Head {
  /** Paths of pictures; as many as fit are shown, each as large as its place allows. */
  readonly files: readonly string[];
}

export interface Sheet extends SheetText {
  /** Small pictures above the others, such as what was trained on. */
  readonly samples?: readonly SampleRow[];
  /** Paths of pictures, by row and column; undefined where one is missing. */
  readonly files: readonly (readonly (string | undefined)[])[];
  /** The size of the largest picture. */
  readonly picture: SheetSize;
  /** By default as large as viewers take. */
  readonly limits?: SheetLimits;
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

/** `base` is the base line of the first line. */
function drawHead(
  drawing: Canvas,
  head: HeadLines,
  type: number,
  x: number,
  base: number,
  anchor: 'middle' | 'end',
): void {
  let y = base;
  for (const text of head.label) {
    label(drawing, text, x, y, { size: type, bold: true, anchor });
    y += leading(type);
  }
  y -= Math.round(0.1 * type);
  for (const text of head.note) {
    label(drawing, text, x, y, { size: noteSize(type), color: colors.faint, anchor });
    y += leading(noteSize(type));
  }
}

function drawHeads(drawing: Canvas, layout: Layout): void {
  const { type, columns, rows, samples, left, top, sampleTop, cell, sample, margin, side } = layout;
  const notes = Math.max(0, ...columns.map(({ note }) => note.length)) * leading(noteSize(type));
  const bottom = top(0) - Math.round(0.4 * type) - notes;
  for (const [column, head] of columns.entries()) {
    // Heads of fewer lines stand on the same ground as those of more.
    const base = bottom - head.label.length * leading(type) + type;
    drawHead(drawing, head, type, left(column) + cell.width / 2, base, 'middle');
  }
  if (side === 0) return;
  const drawBeside = (head: HeadLines, y: number, height: number): void => {
    const base = y + (height - headHeight(head, type)) / 2 + type;
    drawHead(drawing, head, type, margin + side - type, base, 'end');
  };
  for (const [row, head] of rows.entries()) drawBeside(head, top(row), cell.height);
  for (const [row, head] of samples.entries()) drawBeside(head, sampleTop(row), sample.height);
}

/** Where a picture stands. */
interface Place {
  readonly path: string | undefined;
  readonly x: number;
  readonly y: number;
  readonly cell: SheetSize;
  /** Pixels of the sheet for one of the picture; fewer where it would not fit. */
  readonly scale: number;
}

function placesOf({ files, samples = [] }: Sheet, layout: Layout): Place[] {
  const { cell, sample, samplesAcross, scale, left, top, sampleLeft, sampleTop } = layout;
  const fitting = { cell: sample, scale: Number.POSITIVE_INFINITY };
  return [
    ...samples.flatMap((row, r) =>
      row.files
        .slice(0, samplesAcross)
        .map((path, i) => ({ path, x: sampleLeft(i), y: sampleTop(r), ...fitting })),
    ),
    ...files.flatMap((row, r) => row.map((path, c) => ({ path, x: left(c), y: top(r), cell, scale }))),
  ];
}

/** A hair line, without which white pictures have no edge. */
function drawFrame(drawing: Canvas, { x, y, cell }: Place): void {
  rectangle(drawing, x - 1, y - 1, cell.width + 2, cell.height + 2, colors.grid);
  rectangle(drawing, x, y, cell.width, cell.height, colors.paper);
}

/** An empty place with a dash in it. */
function drawMissing(drawing: Canvas, { x, y, cell }: Place, type: number): void {
  rectangle(drawing, x, y, cell.width, cell.height, colors.grid);
  const middle = { x: x + cell.width / 2, y: y + cell.height / 2 };
  const dash: [number, number][] = [
    [middle.x - type / 2, middle.y],
    [middle.x + type / 2, middle.y],
  ];
  line(drawing, dash, colors.faint, Math.max(2, type / 8));
}

/** Draws the sheet as a PNG. */
export async function drawSheet(sheet: Sheet): Promise<DrawnSheet> {
  const layout = layOut(sheet, sheet.picture, sheet.limits);
  const { width, height, scale, type } = layout;
  const drawing = canvas(width, height);
  drawTitles(drawing, layout);
  drawAxisNames(drawing, sheet, layout);
  drawHeads(drawing, layout);
  const places = placesOf(sheet, layout);
  for (const place of places) {
    if (place.path === undefined) drawMissing(drawing, place, type);
    else drawFrame(drawing, place);
  }
  const pixels = await rasterize(drawing, sheet.title);
  for (const { path, x, y, cell, scale } of places)
    if (path !== undefined) paste(pixels, await readTile(path, scale, cell), x, y, cell);
  return { png: await encodeSheet(pixels), width, height, scale };
}
