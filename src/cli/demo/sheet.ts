/** @file The demo's contact sheet: what was trained on, then prompts × (base | style | character | both). */
import sharp from 'sharp';
import { encodePng } from '../../files/index.ts';
import { drawText, glyphHeight, textWidth } from './letters.ts';

export interface Tile {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
}

export interface SheetRow {
  readonly label: string;
  readonly tiles: readonly Tile[];
}

export interface Sheet {
  readonly title: string;
  /** Small pictures of the training sets above the rows. */
  readonly samples: readonly { readonly label: string; readonly tiles: readonly Tile[] }[];
  readonly columns: readonly string[];
  readonly rows: readonly SheetRow[];
}

type Color = readonly [number, number, number];
const paper: Color = [250, 250, 248];
const ink: Color = [40, 42, 54];
const faint: Color = [120, 124, 140];

const cell = 192;
const sample = 92;
const gap = 12;
const margin = 28;
const line = 2 * glyphHeight + 8;

/** Reads any picture file as a tile. */
export async function readTile(path: string): Promise<Tile> {
  const { data, info } = await sharp(path)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

async function resized(tile: Tile, side: number): Promise<Uint8Array> {
  const raw = { width: tile.width, height: tile.height, channels: 3 as const };
  return sharp(tile.data, { raw })
    .resize(side, side, { kernel: 'cubic', fit: 'contain' })
    .removeAlpha()
    .raw()
    .toBuffer();
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

function blank(width: number, height: number): Canvas {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = paper[i % 3];
  return { width, height, data };
}

function write(canvas: Canvas, text: string, x: number, y: number, color: Color): void {
  drawText(text, 2, (dx, dy) => {
    const [px, py] = [x + dx, y + dy];
    if (px < canvas.width && py < canvas.height) canvas.data.set(color, 3 * (py * canvas.width + px));
  });
}

function paste(canvas: Canvas, pixels: Uint8Array, side: number, x: number, y: number): void {
  for (let row = 0; row < side; row++) {
    canvas.data.set(
      pixels.subarray(3 * row * side, 3 * (row + 1) * side),
      3 * ((y + row) * canvas.width + x),
    );
  }
}

/** Lays the sheet out and encodes it; `text` goes into the PNG. */
export async function drawSheet(sheet: Sheet, text: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const columns = sheet.columns.length;
  const width = 2 * margin + columns * cell + (columns - 1) * gap;
  const top = margin + line + gap;
  const samplesHeight = sheet.samples.length > 0 ? sheet.samples.length * (line + sample + gap) + gap : 0;
  const rowHeight = line + cell + gap;
  const canvas = blank(width, top + samplesHeight + line + sheet.rows.length * rowHeight + margin);
  write(canvas, sheet.title, margin, margin, ink);
  let y = top;
  for (const { label, tiles } of sheet.samples) {
    write(canvas, label, margin, y, faint);
    const fitting = Math.floor((width - 2 * margin + gap) / (sample + gap));
    for (const [i, tile] of tiles.slice(0, fitting).entries()) {
      paste(canvas, await resized(tile, sample), sample, margin + i * (sample + gap), y + line);
    }
    y += line + sample + gap;
  }
  y = top + samplesHeight;
  const left = (column: number): number => margin + column * (cell + gap);
  for (const [column, label] of sheet.columns.entries()) {
    write(canvas, label, left(column) + Math.max(0, Math.floor((cell - textWidth(label, 2)) / 2)), y, ink);
  }
  y += line;
  for (const { label, tiles } of sheet.rows) {
    write(canvas, label, margin, y, faint);
    for (const [column, tile] of tiles.entries())
      paste(canvas, await resized(tile, cell), cell, left(column), y + line);
    y += rowHeight;
  }
  return encodePng({ ...canvas, channels: 3 }, text);
}
