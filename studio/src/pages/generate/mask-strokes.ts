/** @file A mask as strokes of a brush: kept as they were made, so that each can be taken back and drawn again at any size. */
import { signal } from '@preact/signals';
import { api } from '../../api/routes.ts';
import type { StartPicture } from './form.ts';

export interface Stroke {
  readonly mode: 'paint' | 'erase' | 'all';
  /** Diameter, pixels of the picture. */
  readonly size: number;
  /** x and y in turn, pixels of the picture. */
  readonly points: readonly number[];
}

export const strokes = signal<readonly Stroke[]>([]);
/** Strokes that were taken back and can be made again. */
export const undone = signal<readonly Stroke[]>([]);

export function addStroke(stroke: Stroke): void {
  strokes.value = [...strokes.peek(), stroke];
  undone.value = [];
}
export function undoStroke(): void {
  const last = strokes.peek().at(-1);
  if (!last) return;
  strokes.value = strokes.peek().slice(0, -1);
  undone.value = [...undone.peek(), last];
}
export function redoStroke(): void {
  const last = undone.peek().at(-1);
  if (!last) return;
  undone.value = undone.peek().slice(0, -1);
  strokes.value = [...strokes.peek(), last];
}
export function clearStrokes(): void {
  strokes.value = [];
  undone.value = [];
}

/** Draws a mask: what is painted in `colour` on nothing. */
export function paintMask(
  context: CanvasRenderingContext2D,
  list: readonly Stroke[],
  scale: number,
  colour: string,
): void {
  const { width, height } = context.canvas;
  context.globalCompositeOperation = 'source-over';
  context.clearRect(0, 0, width, height);
  for (const stroke of list) paintStroke(context, stroke, scale, colour);
  context.globalCompositeOperation = 'source-over';
}

function paintStroke(
  context: CanvasRenderingContext2D,
  { mode, size, points }: Stroke,
  scale: number,
  colour: string,
): void {
  context.globalCompositeOperation = mode === 'erase' ? 'destination-out' : 'source-over';
  context.fillStyle = context.strokeStyle = colour;
  if (mode === 'all') {
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    return;
  }
  context.lineWidth = size * scale;
  context.lineCap = context.lineJoin = 'round';
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]! * scale, points[i + 1]! * scale];
    if (i === 0) context.moveTo(x, y);
    // A single point is drawn as a dot.
    context.lineTo(x, y + (points.length === 2 ? 0.01 : 0));
  }
  context.stroke();
}

let last: { readonly list: readonly Stroke[]; readonly start: string; readonly id: string } | undefined;

/** The mask as an upload of the picture's size, white where it is to be drawn; sent once for the same strokes. */
export async function uploadedMask({ id: start, width, height }: StartPicture): Promise<string> {
  const list = strokes.peek();
  if (last?.list === list && last.start === start) return last.id;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  paintMask(context, list, 1, '#fff');
  context.globalCompositeOperation = 'destination-over';
  context.fillStyle = '#000';
  context.fillRect(0, 0, width, height);
  const blob = await new Promise<Blob | null>(done => canvas.toBlob(done, 'image/png'));
  if (!blob) throw new Error('This browser could not make a picture of the mask.');
  const { id } = await api.upload(blob);
  last = { list, start, id };
  return id;
}
