/** @file What all pictures of numbers have in common: their width, their margins, their titles. */
import { type Canvas, colors, fitted, label } from '../../workbench/index.ts';

export const width = 960;
export const margin = { left: 64, right: 28 } as const;
export const inside = width - margin.left - margin.right;

const room = width - 2 * margin.right;

/** The title and a line below it, cut where they are too long. */
export function titles(drawing: Canvas, title: string, caption: string): void {
  label(drawing, fitted(title, room, 22, true), margin.right, 44, { size: 22, bold: true });
  label(drawing, fitted(caption, room, 13), margin.right, 68, { size: 13, color: colors.faint });
}

export const chartTitle = (drawing: Canvas, text: string, x: number, y: number): void =>
  label(drawing, text, x, y, { size: 13, bold: true });
