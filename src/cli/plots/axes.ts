/** @file Frames of charts: ticks at round numbers, grid lines, bars in groups with names below. */
import { type Canvas, colors, label, labelWidth, line, number, rectangle } from '../../workbench/index.ts';

export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Round numbers from 0 to at least `largest`, about five. */
export function ticksTo(largest: number): number[] {
  if (!(largest > 0 && Number.isFinite(largest))) return [0, 1];
  const rough = largest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find(nice => nice * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil(largest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** Lines across at the ticks, with their numbers at the left; returns where a value lies. */
export function valueAxis(
  drawing: Canvas,
  { left, top, width, height }: Frame,
  ticks: readonly number[],
  show: (tick: number) => string = number,
): (value: number) => number {
  const most = ticks[ticks.length - 1];
  const at = (value: number): number => top + height - (height * value) / most;
  for (const tick of ticks) {
    const y = at(tick);
    line(
      drawing,
      [
        [left, y],
        [left + width, y],
      ],
      tick === 0 ? colors.faint : colors.grid,
    );
    label(drawing, show(tick), left - 8, y + 4, { size: 12, color: colors.faint, anchor: 'end' });
  }
  return at;
}

export interface BarGroup {
  readonly name: string;
  readonly color: string;
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface BarStyle {
  /** One for each value of a bar; the group's colour where there is one value only. */
  readonly shades?: readonly string[];
  readonly hasNames?: boolean;
}

const notNumber = { size: 11, color: colors.red, bold: true, anchor: 'middle' } as const;
const groupGap = 14;
const nameSize = 11;

/** Bars side by side in groups; names of bars stand upright where there is room, else upwards. */
export function barChart(
  drawing: Canvas,
  frame: Frame,
  groups: readonly BarGroup[],
  at: (value: number) => number,
  { shades, hasNames = true }: BarStyle = {},
): void {
  const count = groups.reduce((sum, { bars }) => sum + bars.length, 0);
  const slot = (frame.width - groupGap * groups.length) / count;
  const names = groups.flatMap(({ bars }) => bars.map(({ name }) => name));
  const longest = Math.max(...names.map(name => labelWidth(name, nameSize)));
  const upwards = longest > slot - 3;
  const bottom = frame.top + frame.height;
  const namesEnd = bottom + (hasNames ? (upwards ? longest + 12 : 25) : 4);
  let x = frame.left + groupGap / 2;
  for (const { name, color, bars } of groups) {
    const start = x;
    for (const bar of bars) {
      const inner = Math.min(slot * 0.78, 46);
      const width = inner / bar.values.length;
      for (const [i, value] of bar.values.entries()) {
        const left = x + (slot - inner) / 2 + i * width;
        if (Number.isNaN(value)) label(drawing, 'NaN', left + width / 2, bottom - 8, notNumber);
        if (!(value > 0 && Number.isFinite(value))) continue;
        const y = at(value);
        const wide = Math.max(1, width - (shades ? 0.5 : 0));
        rectangle(drawing, left, y, wide, bottom - y, shades?.[i] ?? color);
      }
      if (hasNames) nameBar(drawing, bar.name, x + slot / 2, bottom, upwards);
      x += slot;
    }
    if (hasNames) nameGroup(drawing, name, start, x, namesEnd, color);
    x += groupGap;
  }
}

function nameBar(drawing: Canvas, name: string, x: number, bottom: number, upwards: boolean): void {
  const style = { size: nameSize, color: colors.ink };
  if (upwards) label(drawing, name, x + 4, bottom + 7, { ...style, anchor: 'end', upwards });
  else label(drawing, name, x, bottom + 17, { ...style, anchor: 'middle' });
}

function nameGroup(
  drawing: Canvas,
  name: string,
  start: number,
  end: number,
  y: number,
  color: string,
): void {
  rectangle(drawing, start + 2, y, end - start - 4, 3, color);
  label(drawing, name, (start + end) / 2, y + 19, { size: 12, color: colors.ink, anchor: 'middle' });
}

/** How much room names of bars and groups take below a chart. */
export function namesHeight(groups: readonly BarGroup[], width: number): number {
  const names = groups.flatMap(({ bars }) => bars.map(({ name }) => name));
  const slot = (width - groupGap * groups.length) / names.length;
  const longest = Math.max(...names.map(name => labelWidth(name, nameSize)));
  return (longest > slot - 3 ? longest + 12 : 25) + 24;
}
