/** @file Pictures of numbers as SVG by plain code: rectangles, lines, letters as outlines; written as .svg or .png. */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import sharp from 'sharp';
import { LoraError, usageError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { labelFonts } from './font.ts';

/** A light background, and colours that stay apart for most kinds of colour blindness (after Okabe & Ito 2008). */
export const colors = {
  paper: '#fcfcfa',
  ink: '#262833',
  faint: '#6d7080',
  grid: '#e4e4e0',
  blue: '#2b6cb0',
  green: '#2f9e78',
  orange: '#d9822b',
  purple: '#8e5ea2',
  red: '#c0392b',
  slate: '#67738c',
} as const;

export interface LabelOptions {
  readonly size?: number;
  readonly color?: string;
  readonly bold?: boolean;
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Turned so that it reads upwards; the anchor is then along that direction. */
  readonly upwards?: boolean;
}

const short = (x: number): string => String(Math.round(x * 100) / 100);

export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly parts: string[];
}

export const canvas = (width: number, height: number): Canvas => ({ width, height, parts: [] });

export function rectangle(
  { parts }: Canvas,
  x: number,
  y: number,
  width: number,
  height: number,
  color: string,
): void {
  const box = `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
  parts.push(`<rect ${box} fill="${color}"/>`);
}

export function line(
  { parts }: Canvas,
  points: readonly (readonly [number, number])[],
  color: string,
  width = 1,
  dashes = '',
): void {
  const path = points.map(([x, y]) => `${short(x)} ${short(y)}`).join('L');
  const style = `stroke="${color}" stroke-width="${width}" stroke-linejoin="round" stroke-linecap="round"`;
  parts.push(`<path d="M${path}" fill="none" ${style}${dashes ? ` stroke-dasharray="${dashes}"` : ''}/>`);
}

export function dotAt({ parts }: Canvas, x: number, y: number, radius: number, color: string): void {
  parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${radius}" fill="${color}"/>`);
}

export function area({ parts }: Canvas, points: readonly (readonly [number, number])[], color: string): void {
  const path = points.map(([x, y]) => `${short(x)} ${short(y)}`).join('L');
  parts.push(`<path d="M${path}Z" fill="${color}" fill-opacity="0.16"/>`);
}

export function label(
  { parts }: Canvas,
  text: string,
  x: number,
  y: number,
  { size = 12, color = colors.ink, bold = false, anchor = 'start', upwards = false }: LabelOptions = {},
): void {
  const font = labelFonts()[bold ? 'bold' : 'regular'];
  const back = { start: 0, middle: 0.5, end: 1 }[anchor] * font.width(text) * size;
  const turn = upwards ? ` transform="rotate(-90 ${short(x)} ${short(y)})"` : '';
  parts.push(`<path d="${font.outline(text, x - back, y, size)}" fill="${color}"${turn}/>`);
}

export const labelWidth = (text: string, size: number, bold = false): number =>
  labelFonts()[bold ? 'bold' : 'regular'].width(text) * size;

/** As much of a text's beginning as fits, with … behind it. */
export function fitted(text: string, width: number, size: number, bold = false): string {
  if (labelWidth(text, size, bold) <= width) return text;
  const letters = [...text];
  while (letters.length > 1 && labelWidth(`${letters.join('')}…`, size, bold) > width) letters.pop();
  return `${letters.join('')}…`;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escaped = (text: string): string => text.replace(/[&<>]/g, character => escapes[character]);

/** The picture as a file's text; `title` is what screen readers say. */
export function toSvg({ width, height, parts }: Canvas, title: string): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${escaped(title.replace(/\p{Cc}/gu, ' '))}</title>`,
    `<rect width="${width}" height="${height}" fill="${colors.paper}"/>`,
    ...parts,
    '</svg>',
  ].join('\n');
}

/** Pixels of a PNG for one unit of the drawing. */
const density = 1.5;

const formats: Readonly<Record<string, (svg: string) => Promise<Uint8Array>>> = {
  '.svg': async svg => new TextEncoder().encode(`${svg}\n`),
  '.png': svg =>
    sharp(Buffer.from(svg), { density: 72 * density })
      .png({ palette: true, colours: 64, effort: 8 })
      .toBuffer(),
};

/** Throws OPTION_INVALID for a name that is neither a .png nor a .svg, WRITE_EXISTS for a file that is there. */
export function checkPlotPath(path: string): void {
  if (!Object.hasOwn(formats, extname(path).toLowerCase()))
    throw usageError('OPTION_INVALID', `--plot ${path}: give a name that ends in .png or .svg`);
  if (existsSync(path))
    throw new LoraError('WRITE_EXISTS', `${path} is there already`, { hint: 'Move it away.' });
}

/** Writes the picture as its name asks. */
export async function writePlot(path: string, drawing: Canvas, title: string): Promise<void> {
  const bytes = await formats[extname(path).toLowerCase()](toSvg(drawing, title));
  await writeFileAtomic(path, bytes, { keepExisting: true });
}
