/** @file A curve in the terminal, of block characters. */
import { number } from '../../workbench/index.ts';

const eighths = ' ▁▂▃▄▅▆▇█';

/** The mean of the values that fall into each of `columns` columns. */
function inColumns(values: readonly number[], columns: number): number[] {
  const count = Math.min(columns, values.length);
  return Array.from({ length: count }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / count),
      Math.max(Math.floor(((i + 1) * values.length) / count), Math.floor((i * values.length) / count) + 1),
    );
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
}

export interface BlockChart {
  readonly values: readonly number[];
  /** What stands below the first and the last column. */
  readonly from: string;
  readonly to: string;
  readonly columns?: number;
  readonly rows?: number;
}

/** Lines of a chart: the lowest value is one eighth of a row high, the largest fills all rows. */
export function blockChart({ values, from, to, columns = 72, rows = 6 }: BlockChart): string[] {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return [];
  const heights = inColumns(known, columns);
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const most = 8 * rows;
  const heightOf = (value: number): number =>
    high > low ? 1 + Math.round(((most - 1) * (value - low)) / (high - low)) : most / 2;
  const numbers = [number(high), number(low)];
  const wide = Math.max(...numbers.map(text => text.length));
  const lines = Array.from({ length: rows }, (_, row) => {
    const below = 8 * (rows - 1 - row);
    const cells = heights.map(value => eighths[Math.max(0, Math.min(8, heightOf(value) - below))]);
    const said = row === 0 ? numbers[0] : row === rows - 1 ? numbers[1] : '';
    return `${said.padStart(wide)} ${cells.join('')}`.trimEnd();
  });
  const gap = Math.max(1, heights.length - from.length - to.length);
  return [...lines, `${' '.repeat(wide)} ${from}${' '.repeat(gap)}${to}`];
}
