/** @file The picture of two LoRAs: ‖ΔW‖ of both per block side by side, below it how far they are apart. */
import { basename } from 'node:path';
import type { LoraDifference } from '../../lora/index.ts';
import {
  type Canvas,
  canvas,
  colors,
  label,
  labelWidth,
  oneLine,
  rectangle,
  tail,
  writePlot,
} from '../../workbench/index.ts';
import { sentence } from '../diff-report.ts';
import { barChart, type Frame, namesHeight, ticksTo, valueAxis } from './axes.ts';
import { groupBlocks } from './block-groups.ts';
import { chartTitle, inside, margin, titles, width } from './page.ts';

const sides = [
  { name: 'A', color: colors.blue },
  { name: 'B', color: colors.orange },
] as const;
const normsTop = 128;
const normsHeight = 190;
const gap = 74;
const distancesHeight = 130;

const fileName = (path: string): string => oneLine(basename(path));

/** Which colour is which file, at the right of the first chart's title. */
function legend(drawing: Canvas, { a, b }: LoraDifference, y: number): void {
  let right = width - margin.right;
  for (const [i, path] of [...[a.path, b.path].entries()].reverse()) {
    const text = `${sides[i].name}: ${tail(fileName(path), 40)}`;
    const wide = labelWidth(text, 12);
    label(drawing, text, right - wide, y, { size: 12 });
    rectangle(drawing, right - wide - 18, y - 10, 12, 12, sides[i].color);
    right -= wide + 42;
  }
}

const share = (tick: number): string => `${Number((100 * tick).toPrecision(3))} %`;

export function drawDifference(difference: LoraDifference): Canvas {
  const { blocks } = difference;
  const norms = groupBlocks(blocks, block => block.norms);
  // Colours mean A and B here.
  const distances = groupBlocks(blocks, ({ distance }) => [distance]).map(group => ({
    ...group,
    color: colors.slate,
  }));
  const distancesTop = normsTop + normsHeight + gap;
  const names = blocks.length > 0 ? namesHeight(distances, inside) : 0;
  const drawing = canvas(width, Math.round(distancesTop + distancesHeight + names + 24));
  const pair = `${fileName(difference.a.path)}  and  ${fileName(difference.b.path)}`;
  titles(drawing, pair, sentence(difference));
  if (blocks.length === 0) {
    const style = { size: 14, color: colors.faint, anchor: 'middle' } as const;
    label(drawing, 'They have no module in common', width / 2, normsTop + normsHeight / 2, style);
    return drawing;
  }
  const upper: Frame = { left: margin.left, top: normsTop, width: inside, height: normsHeight };
  const lower: Frame = { ...upper, top: distancesTop, height: distancesHeight };
  chartTitle(drawing, '‖ΔW‖ per block', margin.right, normsTop - 18);
  legend(drawing, difference, normsTop - 18);
  const largest = Math.max(...blocks.flatMap(block => block.norms));
  const shades = sides.map(({ color }) => color);
  barChart(drawing, upper, norms, valueAxis(drawing, upper, ticksTo(largest)), { shades, hasNames: false });
  chartTitle(drawing, 'Distance ‖A − B‖, as a share of the larger of both', margin.right, distancesTop - 18);
  const furthest = Math.max(1e-6, ...blocks.map(({ distance }) => distance));
  barChart(drawing, lower, distances, valueAxis(drawing, lower, ticksTo(furthest), share));
  return drawing;
}

export async function plotDifference(difference: LoraDifference, path: string): Promise<void> {
  const title = `${fileName(difference.a.path)} and ${fileName(difference.b.path)}: ${sentence(difference)}`;
  await writePlot(path, drawDifference(difference), title);
}
