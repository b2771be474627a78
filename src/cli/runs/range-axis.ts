/** @file Axes of curves: round numbers between two values, steps along the bottom. */
import { type Canvas, colors, label, line, number } from '../../workbench/index.ts';
import { type Frame, ticksTo } from '../plots/axes.ts';

export type Place = (value: number) => number;

/** Round numbers from at most `low` to at least `high`, about five. */
export function ticksBetween(low: number, high: number): number[] {
  if (!(high > low))
    return low === 0 ? [0, 1] : ticksBetween(low - Math.abs(low) / 10, low + Math.abs(low) / 10);
  const [, size] = ticksTo(high - low);
  const first = Math.floor(low / size + 1e-9);
  const last = Math.ceil(high / size - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * size).toPrecision(12)));
}

/** Lines across at the ticks with their numbers; returns where a value lies, at most at the frame's edge. */
export function rangeAxis(drawing: Canvas, frame: Frame, ticks: readonly number[]): Place {
  const { left, top, width, height } = frame;
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  const at: Place = value => top + height - height * Math.min(1, Math.max(0, (value - low) / (high - low)));
  for (const [i, tick] of ticks.entries()) {
    const y = at(tick);
    const ends = [
      [left, y],
      [left + width, y],
    ] as const;
    line(drawing, ends, i === 0 ? colors.faint : colors.grid);
    label(drawing, number(tick), left - 8, y + 4, { size: 12, color: colors.faint, anchor: 'end' });
  }
  return at;
}

/** Steps along the bottom, the last one at the right edge. */
export function stepAxis(drawing: Canvas, { left, top, width, height }: Frame, last: number): Place {
  const at: Place = step => left + (width * step) / Math.max(1, last);
  const ticks = ticksTo(last).filter(tick => tick <= last && Number.isInteger(tick));
  for (const tick of ticks) {
    const style = { size: 12, color: colors.faint, anchor: 'middle' } as const;
    label(drawing, String(tick), at(tick), top + height + 18, style);
  }
  return at;
}
