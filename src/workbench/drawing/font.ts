/**
 * @file Lines of text as outlines, so that labels look the same where no font is installed. The font is B612, which was
 * made for cockpit screens (SIL Open Font License).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Contour, type Point, readLetters } from './true-type.ts';

export interface Font {
  /** Width of a line of text of size 1. */
  width(text: string): number;
  /** SVG path data of a line whose base line begins at (x, y). */
  outline(text: string, x: number, y: number, size: number): string;
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

/** In thousandths of the font's size. */
interface Drawn {
  readonly width: number;
  readonly contours: readonly Contour[];
}

/** A contour of straight lines: x, y, x, y … */
const straight = (numbers: readonly number[]): Contour =>
  Array.from({ length: numbers.length / 2 }, (_, i) => ({
    ...{ x: numbers[2 * i], y: numbers[2 * i + 1] },
    isOn: true,
  }));

/** For characters that the font lacks: an empty box. */
const unknown: Drawn = {
  width: 700,
  contours: [
    [90, 0, 90, 700, 610, 700, 610, 0],
    [140, 50, 560, 50, 560, 650, 140, 650],
  ].map(straight),
};

/** A round bracket: two arcs from tip to tip, as high and wide as the font's. */
function roundBracket(stroke: number, isClosing: boolean): Drawn {
  const [width, bottom, top] = [450, -210, 800];
  const [left, right] = [120 - 0.3 * stroke, 300 + 0.4 * stroke];
  const tip = right - 0.85 * stroke;
  // A control point as far beyond the middle of an arc as the middle is from its ends.
  const beyond = (middle: number, end: number): number => 2 * middle - end;
  const points: readonly (readonly [x: number, y: number, isOn: boolean])[] = [
    [right, top, true],
    [tip, top, true],
    [beyond(left, tip), (top + bottom) / 2, false],
    [tip, bottom, true],
    [right, bottom, true],
    [beyond(left + stroke, right), (top + bottom) / 2, false],
  ];
  return {
    width,
    contours: [points.map(([x, y, isOn]) => ({ x: isClosing ? width - x : x, y, isOn }))],
  };
}

/**
 * Characters of ours that the font lacks, with strokes of the font's width, and round brackets: the font's have straight
 * sides, and beside a prompt's square ones they must be told apart.
 */
const drawnWith = (stroke: number): ReadonlyMap<string, Drawn> =>
  new Map([
    ['(', roundBracket(stroke, false)],
    [')', roundBracket(stroke, true)],
    [
      'Δ',
      {
        width: 720,
        contours: [
          [20, 0, 700, 0, 360 + stroke / 1.6, 700, 360 - stroke / 1.6, 700],
          [20 + 1.6 * stroke, stroke, 360, 690 - 1.2 * stroke, 700 - 1.6 * stroke, stroke],
        ].map(straight),
      },
    ],
    [
      '‖',
      {
        width: 400 + stroke,
        contours: [120, 290].map(x => straight([x, -160, x + stroke, -160, x + stroke, 760, x, 760])),
      },
    ],
  ]);

const scaled = (contour: Contour, scale: number): Contour =>
  contour.map(({ x, y, isOn }) => ({ x: x * scale, y: y * scale, isOn }));

function readFont(woff: Buffer, drawn: ReadonlyMap<string, Drawn>): Font {
  const { unit, letter } = readLetters(woff);
  const letters = new Map<string, { readonly width: number; readonly contours: readonly Contour[] }>();
  const make = (character: string) => {
    const ours = drawn.get(character);
    const own = ours ? undefined : letter(character.codePointAt(0) ?? 0);
    if (own) return own;
    const { width, contours } = ours ?? unknown;
    const scale = unit / 1000;
    return { width: width * scale, contours: contours.map(contour => scaled(contour, scale)) };
  };
  const lettersOf = (text: string) =>
    [...text].map(character => {
      const known = letters.get(character) ?? make(character);
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
