/** @file Where everything of a sheet stands: type and spaces grow with the pictures. */
import { labelWidth } from '../drawing/svg.ts';
import { linesOf } from './lines.ts';

export interface SheetSize {
  readonly width: number;
  readonly height: number;
}

export interface SheetLimits {
  /** Pixels. */
  readonly side: number;
  readonly area: number;
}

/** The largest sheet: viewers and sites refuse larger ones. */
export const largest: SheetLimits = { side: 16_000, area: 120e6 };
/** Smaller pictures are enlarged by a whole factor, up to about this. */
const smallSide = 192;

export interface Head {
  readonly label: string;
  readonly note?: string | undefined;
}

export interface SheetAxis {
  readonly title: string;
  readonly values: readonly Head[];
}

export interface SheetText {
  readonly title: string;
  /** Values of further axes, which this sheet is one of; empty without. */
  readonly subtitle: string;
  readonly caption: string;
  readonly x: SheetAxis;
  /** Rows have heads where it has a title. */
  readonly y: SheetAxis;
}

export interface PlannedSheet extends SheetText {
  /** Heads of the rows of small pictures above the others. */
  readonly samples?: readonly Head[];
}

export interface HeadLines {
  /** Bold. */
  readonly label: readonly string[];
  /** Small and faint, below. */
  readonly note: readonly string[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Size of letters of heads, pixels; titles are larger, notes smaller. */
  readonly type: number;
  readonly margin: number;
  /** Pixels of the sheet for one of a picture. */
  readonly scale: number;
  readonly cell: SheetSize;
  readonly titleLines: readonly string[];
  readonly subtitleLines: readonly string[];
  readonly captionLines: readonly string[];
  readonly columns: readonly HeadLines[];
  readonly rows: readonly HeadLines[];
  readonly samples: readonly HeadLines[];
  /** Width of the heads of rows, 0 without. */
  readonly side: number;
  /** Base line of the axes' titles. */
  readonly axisLine: number;
  /** What a sample fits into: two stand over a column. */
  readonly sample: SheetSize;
  readonly samplesAcross: number;
  left(column: number): number;
  top(row: number): number;
  sampleLeft(place: number): number;
  sampleTop(row: number): number;
}

export const titleSize = (type: number): number => Math.round(1.3 * type);
export const noteSize = (type: number): number => Math.round(0.82 * type);
/** From one base line to the next. */
export const leading = (size: number): number => Math.round(1.35 * size);

export const headHeight = ({ label, note }: HeadLines, type: number): number =>
  label.length * leading(type) + note.length * leading(noteSize(type));

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** A head that stands beside pictures of a height, or over them where there is no such limit. */
function breakHead(
  { label, note = '' }: Head,
  room: number,
  type: number,
  height = Number.POSITIVE_INFINITY,
): HeadLines {
  const small = noteSize(type);
  const notes = linesOf(
    note,
    room,
    small,
    clamp(Math.floor((height - leading(type)) / leading(small)), 1, 4),
  );
  const left = Math.floor((height - notes.length * leading(small)) / leading(type));
  return {
    label: linesOf(label, room, type, clamp(left, 1, height === Number.POSITIVE_INFINITY ? 3 : 8), true),
    note: notes,
  };
}

const widestOf = (heads: readonly HeadLines[], type: number): number =>
  Math.max(
    0,
    ...heads.flatMap(({ label }) => label.map(line => labelWidth(line, type, true))),
    ...heads.flatMap(({ note }) => note.map(line => labelWidth(line, noteSize(type)))),
  );

function layoutAt(text: PlannedSheet, picture: SheetSize, scale: number): Layout {
  const cell = { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
  const type = Math.round(clamp(Math.min(cell.width, cell.height) / 15, 14, 64));
  const [margin, gap] = [Math.round(1.8 * type), Math.round(0.5 * type)];
  const { x, y } = text;
  const half = (side: number): number => Math.max(1, Math.floor((side - gap) / 2));
  const sample = { width: half(cell.width), height: half(cell.height) };

  const sideRoom = Math.max(9 * type, Math.min(0.9 * cell.width, 15 * type));
  const rows = y.values.map(head => breakHead(head, sideRoom, type, cell.height));
  const samples = (text.samples ?? []).map(head => breakHead(head, sideRoom, type, sample.height));
  // With the gap, two heads that fill their cells stand as far apart as two words.
  const columnRoom = Math.max(type, cell.width - Math.ceil(0.7 * type));
  const columns = x.values.map(head => breakHead(head, columnRoom, type));
  const isLabelled = y.title !== '' || samples.length > 0;
  const side = isLabelled
    ? Math.ceil(Math.max(labelWidth(y.title, noteSize(type)), widestOf([...rows, ...samples], type))) + type
    : 0;

  const gridWidth = side + columns.length * (cell.width + gap) - gap;
  const width = Math.max(gridWidth, 34 * type) + 2 * margin;
  const room = width - 2 * margin;
  const titleLines = linesOf(text.title, room, titleSize(type), 2, true);
  const subtitleLines = linesOf(text.subtitle, room, type, 2, true);
  const captionLines = linesOf(text.caption, room, noteSize(type), 2);

  const samplesTop =
    margin +
    titleLines.length * leading(titleSize(type)) +
    subtitleLines.length * leading(type) +
    captionLines.length * leading(noteSize(type)) +
    Math.round(0.9 * type);
  const samplesHeight =
    samples.length > 0 ? samples.length * (sample.height + gap) - gap + Math.round(1.2 * type) : 0;
  const axisTop = samplesTop + samplesHeight;
  const lineCounts = (part: keyof HeadLines): number =>
    Math.max(0, ...columns.map(head => head[part].length));
  const notes = lineCounts('note') * leading(noteSize(type));
  // The rows' title stands beside the heads of columns where these have no title of their own.
  const hasAxisLine = x.title !== '' || (y.title !== '' && lineCounts('label') === 0);
  const headTop = axisTop + (hasAxisLine ? leading(noteSize(type)) : 0);
  const headBottom = headTop + lineCounts('label') * leading(type);
  const gridTop = headBottom + notes + Math.round(0.4 * type);
  const left = (column: number): number => margin + side + column * (cell.width + gap);
  return {
    ...{ width, type, margin, scale, cell, titleLines, subtitleLines, captionLines },
    ...{ columns, rows, samples, side, sample, samplesAcross: 2 * columns.length },
    axisLine: hasAxisLine ? axisTop + noteSize(type) : headBottom - leading(type) + type,
    height: gridTop + rows.length * (cell.height + gap) - gap + margin,
    left,
    top: row => gridTop + row * (cell.height + gap),
    sampleLeft: place => left(Math.floor(place / 2)) + (place % 2) * (cell.width - sample.width),
    sampleTop: row => samplesTop + row * (sample.height + gap),
  };
}

/** Lays a sheet out; `picture` is the size of the largest one. Sheets that would be too large show smaller pictures. */
export function layOut(text: PlannedSheet, picture: SheetSize, limits: SheetLimits = largest): Layout {
  const most = Math.max(picture.width, picture.height);
  let scale = Math.max(1, Math.round(smallSide / most));
  let layout = layoutAt(text, picture, scale);
  // Type and spaces do not shrink in the same measure, so a second try may be needed.
  for (let attempt = 0; attempt < 20; attempt++) {
    const { width, height } = layout;
    const over = Math.max(
      width / limits.side,
      height / limits.side,
      Math.sqrt((width * height) / limits.area),
    );
    if (over <= 1) break;
    scale /= over * 1.01;
    layout = layoutAt(text, picture, scale);
  }
  return layout;
}
