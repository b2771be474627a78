/** @file Letters in a web font: WOFF 1.0 with TrueType outlines (W3C; OpenType specification, cmap, glyf, loca, hmtx). */
import { inflateSync } from 'node:zlib';

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

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly isOn: boolean;
}

export type Contour = readonly Point[];

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

export interface Letters {
  /** Of the square that letters are drawn in. */
  readonly unit: number;
  /** Undefined for characters that the font lacks. */
  letter(code: number): { readonly width: number; readonly contours: readonly Contour[] } | undefined;
}

export function readLetters(woff: Buffer): Letters {
  const tables = readTables(woff);
  const [head, glyf, loca] = ['head', 'glyf', 'loca'].map(name => table(tables, name));
  const [hmtx, hhea] = [table(tables, 'hmtx'), table(tables, 'hhea')];
  const isLong = head.readInt16BE(50) === 1;
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
  return {
    unit: head.readUInt16BE(18),
    letter(code) {
      const glyph = characters.get(code);
      if (glyph === undefined) return undefined;
      return { width: hmtx.readUInt16BE(4 * Math.min(glyph, metrics - 1)), contours: contoursOf(glyph) };
    },
  };
}
