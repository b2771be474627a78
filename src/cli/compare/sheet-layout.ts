/** @file Where everything of a comparison sheet stands: type and spaces grow with the pictures. */
import { labelWidth } from '../plots/svg.ts';

export interface SheetSize {
  readonly width: number;
  readonly height: number;
}

/** The largest side and area of a sheet: viewers and sites refuse larger ones. */
export const largest = { side: 16_000, area: 120e6 } as const;
/** Smaller pictures are enlarged by a whole factor, up to about this. */
const smallSide = 192;

/** Lines of a text, at most `most` of a width; what does not fit ends with …. */
export function linesOf(text: string, width: number, size: number, most: number, bold = false): string[] {
  const fits = (line: string): boolean => labelWidth(line, size, bold) <= width;
  const lines: string[] = [];
  let line = '';
  // A name may break behind what joins its parts.
  const parts = text.match(/\s+|[^\s,_/-]+[,_/-]*|[,_/-]+/g) ?? [];
  const pieces = parts.flatMap(part => (fits(part) ? [part] : [...part]));
  for (const piece of pieces) {
    if (line !== '' && !fits((line + piece).trimEnd())) {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    } else line = line === '' ? piece.trimStart() : line + piece;
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  if (lines.length <= most) return lines;
  const letters = [...lines[most - 1]];
  while (letters.length > 1 && !fits(`${letters.join('').trimEnd()}…`)) letters.pop();
  return [...lines.slice(0, most - 1), `${letters.join('').trimEnd()}…`];
}

export interface Heads {
  readonly label: string;
  readonly note?: string | undefined;
}

export interface SheetText {
  readonly title: string;
  /** Values of further axes, which this sheet is one of; empty without. */
  readonly subtitle: string;
  readonly caption: string;
  readonly x: { readonly title: string; readonly values: readonly Heads[] };
  readonly y: { readonly title: string; readonly values: readonly Heads[] };
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
  readonly columnLines: readonly (readonly string[])[];
  readonly rowLines: readonly (readonly string[])[];
  /** Width of the heads of rows, 0 without. */
  readonly side: number;
  /** Base line of the axes' titles. */
  readonly axisLine: number;
  /** Top of the heads of columns. */
  readonly headTop: number;
  left(column: number): number;
  top(row: number): number;
}

export const titleSize = (type: number): number => Math.round(1.3 * type);
export const noteSize = (type: number): number => Math.round(0.82 * type);
/** From one base line to the next. */
export const leading = (size: number): number => Math.round(1.35 * size);

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

const hasNotes = (heads: readonly Heads[]): boolean => heads.some(({ note }) => note !== undefined);

function layoutAt(text: SheetText, picture: SheetSize, scale: number): Layout {
  const cell = { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
  const type = Math.round(clamp(Math.min(cell.width, cell.height) / 15, 14, 64));
  const [margin, gap] = [Math.round(1.8 * type), Math.round(0.5 * type)];
  const { x, y } = text;
  const isLabelled = y.title !== '';
  const widest = (line: string, size: number, bold: boolean): number => labelWidth(line, size, bold);
  const sideRoom = Math.max(9 * type, Math.min(0.9 * cell.width, 15 * type));
  const rowLines = y.values.map(({ label }) => linesOf(label, sideRoom, type, 4, true));
  const side = isLabelled
    ? Math.ceil(
        Math.max(
          widest(y.title, noteSize(type), false),
          ...rowLines.flat().map(line => widest(line, type, true)),
          ...y.values.map(({ note }) => (note === undefined ? 0 : widest(note, noteSize(type), false))),
        ),
      ) + type
    : 0;
  const columnLines = x.values.map(({ label }) => linesOf(label, cell.width, type, 3, true));
  const columns = x.values.length;
  const gridWidth = side + columns * (cell.width + gap) - gap;
  const width = Math.max(gridWidth, 34 * type) + 2 * margin;
  const room = width - 2 * margin;
  const titleLines = linesOf(text.title, room, titleSize(type), 2, true);
  const subtitleLines = linesOf(text.subtitle, room, type, 2, true);
  const captionLines = linesOf(text.caption, room, noteSize(type), 2);
  const afterTitle =
    margin +
    titleLines.length * leading(titleSize(type)) +
    subtitleLines.length * leading(type) +
    captionLines.length * leading(noteSize(type)) +
    Math.round(0.9 * type);
  const hasAxisLine = x.title !== '' || isLabelled;
  const axisLine = afterTitle + noteSize(type);
  const headTop = afterTitle + (hasAxisLine ? leading(noteSize(type)) : 0);
  const headLines = Math.max(0, ...columnLines.map(lines => lines.length));
  const notes = hasNotes(x.values) ? leading(noteSize(type)) : 0;
  const gridTop = headTop + headLines * leading(type) + notes + Math.round(0.4 * type);
  const rows = y.values.length;
  return {
    ...{
      width,
      type,
      margin,
      scale,
      cell,
      titleLines,
      subtitleLines,
      captionLines,
      columnLines,
      rowLines,
      side,
    },
    ...{ axisLine, headTop },
    height: gridTop + rows * (cell.height + gap) - gap + margin,
    left: column => margin + side + column * (cell.width + gap),
    top: row => gridTop + row * (cell.height + gap),
  };
}

/** Lays a sheet out; `picture` is the size of the largest one. Sheets that would be too large show smaller pictures. */
export function layOut(text: SheetText, picture: SheetSize): Layout {
  const most = Math.max(picture.width, picture.height);
  let scale = Math.max(1, Math.round(smallSide / most));
  let layout = layoutAt(text, picture, scale);
  // Type and spaces do not shrink in the same measure, so a second try may be needed.
  for (let attempt = 0; attempt < 20; attempt++) {
    const { width, height } = layout;
    const over = Math.max(
      width / largest.side,
      height / largest.side,
      Math.sqrt((width * height) / largest.area),
    );
    if (over <= 1) break;
    scale /= over * 1.01;
    layout = layoutAt(text, picture, scale);
  }
  return layout;
}
