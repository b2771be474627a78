/**
 * @file Outlines of letters, read out of a web font (WOFF 1.0, TrueType outlines), so that labels look the same where no
 * font is installed. The font is B612, which was made for cockpit screens (SIL Open Font License).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';

export interface Font {
  /** Width of a line of text of size 1. */
  width(text: string): number;
  /** SVG path data of a line whose base line begins at (x, y). */
  outline(text: string, x: number, y: number, size: number): string;
}

/** Tables by their four-letter name. */
function readTables(woff: Buffer): Map<string, Buffer> {
  const tables = new Map<string, Buffer>();
  const count = woff.readUInt16BE(12);
  for (let i = 0; i < count; i++) {
    const at = 44 + 20 * i;
    const [offset, packed, length] = [4, 8, 12].map(skip => woff.readUInt32BE(at + skip));
    const bytes = woff.subarray(offset, offset + packed);
    tables.set(woff.toString('latin1', at, at + 4), packed < length ? inflateSync(bytes) : bytes);
  }
  return tables;
}

const table = (tables: ReadonlyMap<string, Buffer>, name: string): Buffer => {
  const bytes = tables.get(name);
  if (!bytes) throw new Error(`the font has no table ${name}`);
  return bytes;
};

/** Glyph numbers by character code: segments of a cmap of format 4. */
function readCharacters(cmap: Buffer): Map<number, number> {
  const starts = Array.from({ length: cmap.readUInt16BE(2) }, (_, i) => cmap.readUInt32BE(8 + 8 * i));
  const start = starts.find(at => cmap.readUInt16BE(at) === 4);
  if (start === undefined) throw new Error('the font has no cmap of format 4');
  const segments = cmap.readUInt16BE(start + 6) / 2;
  const column = (index: number, segment: number): number => start + 14 + (index * segments + segment) * 2;
  const characters = new Map<number, number>();
  for (let i = 0; i < segments; i++) {
    const last = cmap.readUInt16BE(column(0, i));
    const first = cmap.readUInt16BE(column(1, i) + 2);
    const delta = cmap.readUInt16BE(column(2, i) + 2);
    const at = column(3, i) + 2;
    const skip = cmap.readUInt16BE(at);
    for (let code = first; code <= last && code < 0xffff; code++) {
      const glyph = skip === 0 ? code : cmap.readUInt16BE(at + skip + 2 * (code - first));
      if (glyph !== 0) characters.set(code, (glyph + delta) & 0xffff);
    }
  }
  return characters;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly isOn: boolean;
}

type Contour = readonly Point[];

/** Coordinates of one axis: one byte, two bytes, or as before. */
function readAxis(glyph: Buffer, start: number, flags: readonly number[], short: number, same: number) {
  const values: number[] = [];
  let [at, value] = [start, 0];
  for (const flag of flags) {
    if (flag & short) value += flag & same ? glyph[at++] : -glyph[at++];
    else if (!(flag & same)) {
      value += glyph.readInt16BE(at);
      at += 2;
    }
    values.push(value);
  }
  return { values, end: at };
}

function readSimple(glyph: Buffer, contours: number): Contour[] {
  const ends = Array.from({ length: contours }, (_, i) => glyph.readUInt16BE(10 + 2 * i));
  const points = (ends.at(-1) ?? -1) + 1;
  let at = 12 + 2 * contours + glyph.readUInt16BE(10 + 2 * contours);
  const flags: number[] = [];
  while (flags.length < points) {
    const flag = glyph[at++];
    const repeats = flag & 8 ? glyph[at++] : 0;
    for (let i = 0; i <= repeats; i++) flags.push(flag);
  }
  const xs = readAxis(glyph, at, flags, 2, 16);
  const ys = readAxis(glyph, xs.end, flags, 4, 32);
  return ends.map((end, i) => {
    const first = i === 0 ? 0 : ends[i - 1] + 1;
    return flags.slice(first, end + 1).map((flag, k) => ({
      ...{ x: xs.values[first + k], y: ys.values[first + k] },
      isOn: (flag & 1) === 1,
    }));
  });
}

/** Accented letters are made of others, each moved by some offset. */
function readCompound(glyph: Buffer, contoursOf: (glyph: number) => Contour[]): Contour[] {
  const contours: Contour[] = [];
  for (let at = 10, more = true; more; ) {
    const [flags, part] = [glyph.readUInt16BE(at), glyph.readUInt16BE(at + 2)];
    const isWide = (flags & 1) !== 0;
    const [dx, dy] = isWide
      ? [glyph.readInt16BE(at + 4), glyph.readInt16BE(at + 6)]
      : [glyph.readInt8(at + 4), glyph.readInt8(at + 5)];
    for (const contour of contoursOf(part))
      contours.push(contour.map(p => ({ ...p, x: p.x + dx, y: p.y + dy })));
    at += (isWide ? 8 : 6) + (flags & 8 ? 2 : flags & 64 ? 4 : flags & 128 ? 8 : 0);
    more = (flags & 32) !== 0;
  }
  return contours;
}

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, isOn: true });
const short = (value: number): string => String(Math.round(value * 100) / 100);

/** Between two control points in a row lies a point of the curve that the font leaves out. */
function contourPath(contour: Contour, place: (point: Point) => string): string {
  const first = contour.findIndex(({ isOn }) => isOn);
  const start = first < 0 ? middle(contour[0], contour[contour.length - 1]) : contour[first];
  const ordered = first < 0 ? contour : [...contour.slice(first + 1), ...contour.slice(0, first)];
  let path = `M${place(start)}`;
  let control: Point | undefined;
  for (const point of [...ordered, start]) {
    if (point.isOn) path += control ? `Q${place(control)} ${place(point)}` : `L${place(point)}`;
    else if (control) path += `Q${place(control)} ${place(middle(control, point))}`;
    control = point.isOn ? undefined : point;
  }
  return `${path}Z`;
}

interface Drawn {
  readonly width: number;
  /** x, y, x, y … of straight lines. */
  readonly contours: readonly (readonly number[])[];
}

/** For characters that the font lacks: an empty box. */
const unknown: Drawn = {
  width: 700,
  contours: [
    [90, 0, 90, 700, 610, 700, 610, 0],
    [140, 50, 560, 50, 560, 650, 140, 650],
  ],
};

/** Characters of ours that the font lacks, in thousandths of its size, with strokes of the font's width. */
const drawnWith = (stroke: number): ReadonlyMap<string, Drawn> =>
  new Map([
    [
      'Δ',
      {
        width: 720,
        contours: [
          [20, 0, 700, 0, 360 + stroke / 1.6, 700, 360 - stroke / 1.6, 700],
          [20 + 1.6 * stroke, stroke, 360, 690 - 1.2 * stroke, 700 - 1.6 * stroke, stroke],
        ],
      },
    ],
    [
      '‖',
      {
        width: 400 + stroke,
        contours: [120, 290].map(x => [x, -160, x + stroke, -160, x + stroke, 760, x, 760]),
      },
    ],
  ]);

const asPoints = (numbers: readonly number[], scale: number): Contour =>
  Array.from({ length: numbers.length / 2 }, (_, i) => ({
    ...{ x: numbers[2 * i] * scale, y: numbers[2 * i + 1] * scale },
    isOn: true,
  }));

function readFont(woff: Buffer, drawn: ReadonlyMap<string, Drawn>): Font {
  const tables = readTables(woff);
  const [head, glyf, loca] = ['head', 'glyf', 'loca'].map(name => table(tables, name));
  const [hmtx, hhea] = [table(tables, 'hmtx'), table(tables, 'hhea')];
  const [unit, isLong] = [head.readUInt16BE(18), head.readInt16BE(50) === 1];
  const metrics = hhea.readUInt16BE(34);
  const characters = readCharacters(table(tables, 'cmap'));
  const place = (glyph: number): number =>
    isLong ? loca.readUInt32BE(4 * glyph) : 2 * loca.readUInt16BE(2 * glyph);
  const contoursOf = (glyph: number): Contour[] => {
    const bytes = glyf.subarray(place(glyph), place(glyph + 1));
    if (bytes.length === 0) return [];
    const count = bytes.readInt16BE(0);
    return count < 0 ? readCompound(bytes, contoursOf) : readSimple(bytes, count);
  };
  const letter = (character: string): { width: number; contours: readonly Contour[] } => {
    const glyph = characters.get(character.codePointAt(0) ?? 0);
    if (glyph === undefined) {
      const { width, contours } = drawn.get(character) ?? unknown;
      const scale = unit / 1000;
      return { width: width * scale, contours: contours.map(numbers => asPoints(numbers, scale)) };
    }
    return { width: hmtx.readUInt16BE(4 * Math.min(glyph, metrics - 1)), contours: contoursOf(glyph) };
  };
  const letters = new Map<string, ReturnType<typeof letter>>();
  const lettersOf = (text: string) =>
    [...text].map(character => {
      const known = letters.get(character) ?? letter(character);
      letters.set(character, known);
      return known;
    });
  return {
    width: text => lettersOf(text).reduce((sum, { width }) => sum + width, 0) / unit,
    outline(text, x, y, size) {
      const scale = size / unit;
      let [left, path] = [x, ''];
      for (const { width, contours } of lettersOf(text)) {
        const at = ({ x: dx, y: dy }: Point): string =>
          `${short(left + dx * scale)} ${short(y - dy * scale)}`;
        path += contours.map(contour => contourPath(contour, at)).join('');
        left += width * scale;
      }
      return path;
    },
  };
}

const openFont = (weight: 400 | 700): Font => {
  const name = `@fontsource/b612/files/b612-latin-${weight}-normal.woff`;
  const woff = readFileSync(fileURLToPath(import.meta.resolve(name)));
  return readFont(woff, drawnWith(weight === 400 ? 75 : 125));
};

let fonts: { readonly regular: Font; readonly bold: Font } | undefined;

export function labelFonts(): { readonly regular: Font; readonly bold: Font } {
  fonts ??= { regular: openFont(400), bold: openFont(700) };
  return fonts;
}
