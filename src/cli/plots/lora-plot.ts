/** @file The picture of a LoRA: ‖ΔW‖ per block as bars, below it what its singular values say. */
import { basename } from 'node:path';
import type { LoraFacts, SpectrumSummary } from '../../lora/index.ts';
import {
  area,
  type Canvas,
  canvas,
  colors,
  dotAt,
  label,
  line,
  number,
  oneLine,
  writePlot,
} from '../../workbench/index.ts';
import { barChart, type Frame, namesHeight, ticksTo, valueAxis } from './axes.ts';
import { groupBlocks } from './block-groups.ts';
import { chartTitle, inside, margin, titles, width } from './page.ts';

const barsTop = 112;
const barsHeight = 220;
const curvesHeight = 180;

function caption({ kinds, ranks, family, modules, norm, dialect }: LoraFacts): string {
  const rank = ranks.length > 3 ? `${ranks[0]}…${ranks.at(-1)}` : ranks.join(', ');
  return [
    kinds.map(({ kind }) => kind).join(' + '),
    ...(ranks.length > 0 ? [`rank ${rank}`] : []),
    family,
    `${modules.length} modules`,
    ...(norm === undefined ? [] : [`‖ΔW‖ ${number(norm)} in all`]),
    `${dialect} names`,
  ].join('  ·  ');
}

const share = (tick: number): string => `${Math.round(100 * tick)} %`;

/** Rank ticks: all of a few, else round ones. */
function rankTicks(longest: number): number[] {
  if (longest <= 16) return Array.from({ length: longest }, (_, i) => i + 1);
  return ticksTo(longest)
    .map(tick => Math.max(1, Math.round(tick)))
    .filter(tick => tick <= longest);
}

type Place = (rank: number) => number;

function rankAxis(drawing: Canvas, { left, top, width: wide, height }: Frame, longest: number): Place {
  const at = (rank: number): number => left + 10 + ((wide - 20) * (rank - 1)) / Math.max(1, longest - 1);
  for (const tick of rankTicks(longest))
    label(drawing, String(tick), at(tick), top + height + 18, {
      ...{ size: 12, color: colors.faint, anchor: 'middle' },
    });
  return at;
}

/** Share of a sorted list that lies below a value: 0.1, 0.5, 0.9. */
const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

/** σᵢ/σ₁ of the modules: the middle one, and the range of eight in ten. */
function decayCurve(drawing: Canvas, frame: Frame, { modules }: LoraFacts, longest: number): void {
  const spectra = modules.flatMap(({ spectrum }) => (spectrum ? [spectrum.singularValues] : []));
  const y = valueAxis(drawing, frame, [0, 0.25, 0.5, 0.75, 1], share);
  const x = rankAxis(drawing, frame, longest);
  const columns = Array.from({ length: longest }, (_, i) =>
    spectra.map(values => (values[i] ?? 0) / values[0]).sort((a, b) => a - b),
  );
  const curve = (part: number): [number, number][] =>
    columns.map((column, i) => [x(i + 1), y(quantile(column, part))]);
  area(drawing, [...curve(0.1), ...curve(0.9).reverse()], colors.blue);
  line(drawing, curve(0.5), colors.blue, 2);
  if (longest <= 32) for (const [left, top] of curve(0.5)) dotAt(drawing, left, top, 2.6, colors.blue);
}

function keptShares({ modules }: LoraFacts, longest: number): number[] {
  const squares = Array.from({ length: longest }, (_, i) =>
    modules.reduce((sum, { spectrum }) => sum + (spectrum?.singularValues[i] ?? 0) ** 2, 0),
  );
  const whole = squares.reduce((sum, x) => sum + x, 0);
  let kept = 0;
  return squares.map(x => {
    kept += x;
    return kept / whole;
  });
}

/** How much of ‖ΔW‖² the first singular values keep. */
function keptCurve(
  drawing: Canvas,
  frame: Frame,
  facts: LoraFacts,
  spectrum: SpectrumSummary,
  longest: number,
): void {
  const y = valueAxis(drawing, frame, [0, 0.25, 0.5, 0.75, 1], share);
  const x = rankAxis(drawing, frame, longest);
  const kept = keptShares(facts, longest);
  const curve = kept.map((part, i): [number, number] => [x(i + 1), y(part)]);
  const enough = spectrum.rankFor['95'];
  const { top, height, left } = frame;
  const dashes = '4 4';
  line(
    drawing,
    [
      [left, y(0.95)],
      [x(enough), y(0.95)],
      [x(enough), top + height],
    ],
    colors.orange,
    1.5,
    dashes,
  );
  line(drawing, curve, colors.green, 2);
  if (longest <= 32) for (const [cx, cy] of curve) dotAt(drawing, cx, cy, 2.6, colors.green);
  const isLate = enough > longest * 0.6;
  label(drawing, `95 % at rank ${enough}`, x(enough) + (isLate ? -8 : 8), y(0.5), {
    ...{ size: 12, color: colors.orange, bold: true, anchor: isLate ? 'end' : 'start' },
  });
}

/** At most this many singular values are drawn. */
const mostDrawn = 128;

function spectrumCharts(drawing: Canvas, facts: LoraFacts, top: number): void {
  const { spectrum } = facts;
  if (!spectrum) return;
  const longest = Math.min(mostDrawn, spectrum.energy[spectrum.energy.length - 1].rank);
  const half = (inside - margin.left) / 2;
  const left: Frame = { left: margin.left, top, width: half, height: curvesHeight };
  const right: Frame = { ...left, left: margin.left + half + margin.left };
  chartTitle(drawing, 'Singular values, as shares of the largest', left.left - 36, top - 18);
  chartTitle(drawing, '‖ΔW‖² that the first of them keep', right.left - 36, top - 18);
  decayCurve(drawing, left, facts, longest);
  keptCurve(drawing, right, facts, spectrum, longest);
  const foot = top + curvesHeight + 40;
  const style = { size: 12, color: colors.faint, anchor: 'middle' } as const;
  label(drawing, 'rank  ·  line: median module, band: 8 of 10 modules', left.left + half / 2, foot, style);
  label(
    drawing,
    `rank  ·  all modules together, 99 % at ${spectrum.rankFor['99']}`,
    right.left + half / 2,
    foot,
    style,
  );
}

export function drawLora(facts: LoraFacts): Canvas {
  const groups = groupBlocks(facts.blocks, ({ norm = 0 }) => [norm]);
  const names = groups.length > 0 ? namesHeight(groups, inside) : 0;
  const curvesTop = barsTop + barsHeight + names + 62;
  const height = facts.spectrum ? curvesTop + curvesHeight + 62 : barsTop + barsHeight + names + 24;
  const drawing = canvas(width, Math.round(height));
  titles(drawing, oneLine(basename(facts.path)), caption(facts));
  const frame: Frame = { left: margin.left, top: barsTop, width: inside, height: barsHeight };
  chartTitle(drawing, '‖ΔW‖ per block', margin.right, barsTop - 16);
  if (facts.norm === undefined) {
    const why = '‖ΔW‖ of this kind can be told with its base model only: --base';
    label(drawing, why, width / 2, barsTop + barsHeight / 2, {
      size: 14,
      color: colors.faint,
      anchor: 'middle',
    });
  } else {
    const norms = facts.blocks.map(({ norm = 0 }) => norm).filter(Number.isFinite);
    const largest = Math.max(0, ...norms);
    barChart(drawing, frame, groups, valueAxis(drawing, frame, ticksTo(largest)));
  }
  spectrumCharts(drawing, facts, curvesTop);
  return drawing;
}

export async function plotLora(facts: LoraFacts, path: string): Promise<void> {
  const title = `‖ΔW‖ per block of ${basename(facts.path)}: ${caption(facts)}`;
  await writePlot(path, drawLora(facts), title);
}
