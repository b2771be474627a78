/** @file The picture of runs: loss of every step and smoothed, below it the validation loss with its interval. */
import type { KeptRun } from '../../training/index.ts';
import {
  area,
  type Canvas,
  canvas,
  colors,
  counted,
  dotAt,
  label,
  labelWidth,
  line,
  number,
  oneLine,
  rectangle,
  start,
  writePlot,
} from '../../workbench/index.ts';
import type { Frame } from '../plots/axes.ts';
import { chartTitle, inside, margin, titles, width } from '../plots/page.ts';
import { type Place, rangeAxis, stepAxis, ticksBetween } from './range-axis.ts';
import { factsOf, runName, showSteps } from './run-facts.ts';

/** One for each run; the light one is for single steps. */
const shades = [
  { strong: colors.blue, light: '#bcd0e8' },
  { strong: colors.orange, light: '#f3d9b8' },
  { strong: colors.green, light: '#bfe0d4' },
  { strong: colors.purple, light: '#ddcbe4' },
  { strong: colors.red, light: '#ecc3bd' },
  { strong: colors.slate, light: '#d0d4dd' },
] as const;
export const mostCompared = shades.length;

const lossTop = 128;
const lossHeight = 260;
const gap = 92;
const validationHeight = 200;
const foot = 52;

/** At most about two points a pixel: of more, the lowest and the highest of each column. */
const mostPoints = 2 * inside;

function thinned(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  if (points.length <= mostPoints) return [...points];
  const size = Math.ceil((2 * points.length) / mostPoints);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    const [low, high] = part.reduce(
      ([low, high], point) => [point[1] < low[1] ? point : low, point[1] > high[1] ? point : high],
      [part[0], part[0]],
    );
    return low[0] < high[0] ? [low, high] : [high, low];
  }).flat();
}

const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
};

/** The first few steps are smoothed over next to nothing. */
const settled = (values: readonly number[]): readonly number[] =>
  values.length > 40 ? values.slice(20) : values;

/** From zero to what nearly all steps stay below: a few large ones must not flatten the rest. */
function lossTicks(runs: readonly KeptRun[], hasSingle: boolean): number[] {
  const smoothed = runs.flatMap(({ steps }) => settled(steps.map(step => step.smoothed)));
  const losses = runs[0].steps.map(({ loss }) => loss);
  const single = hasSingle && losses.length > 0 ? [quantile(losses, 0.98)] : [];
  return ticksBetween(
    0,
    smoothed.concat(single).reduce((a, b) => Math.max(a, b), 0),
  );
}

function drawLosses(drawing: Canvas, frame: Frame, runs: readonly KeptRun[], last: number): Place {
  const isOne = runs.length === 1;
  const y = rangeAxis(drawing, frame, lossTicks(runs, isOne));
  const x = stepAxis(drawing, frame, last);
  if (isOne) {
    const single = runs[0].steps.map(({ step, loss }) => [x(step), y(loss)] as const);
    if (single.length > 0) line(drawing, thinned(single), shades[0].light, 1);
  }
  for (const [i, { steps }] of runs.entries()) {
    const smooth = steps.map(({ step, smoothed }) => [x(step), y(smoothed)] as const);
    if (smooth.length > 0) line(drawing, thinned(smooth), shades[i].strong, 2);
  }
  return x;
}

function validationTicks(runs: readonly KeptRun[]): number[] {
  const values = runs.flatMap(({ validations }) =>
    validations.flatMap(({ validation, low = validation, high = validation }) => [low, high]),
  );
  return ticksBetween(
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
  );
}

function drawValidations(drawing: Canvas, frame: Frame, runs: readonly KeptRun[], last: number): void {
  const y = rangeAxis(drawing, frame, validationTicks(runs));
  const x = stepAxis(drawing, frame, last);
  for (const [i, { validations }] of runs.entries()) {
    if (validations.length === 0) continue;
    const bounded = validations.flatMap(({ step, low, high }) =>
      low === undefined || high === undefined ? [] : [{ step, low, high }],
    );
    const lower = bounded.map(({ step, low }): [number, number] => [x(step), y(low)]);
    const upper = bounded.map(({ step, high }): [number, number] => [x(step), y(high)]);
    if (bounded.length > 1) area(drawing, [...lower, ...upper.reverse()], shades[i].strong);
    const points = validations.map(({ step, validation }) => [x(step), y(validation)] as const);
    line(drawing, points, shades[i].strong, 2);
    if (points.length <= 60) for (const [cx, cy] of points) dotAt(drawing, cx, cy, 2.8, shades[i].strong);
    const { best } = factsOf(runs[i]);
    if (best) dotAt(drawing, x(best.step), y(best.validation), 5.5, shades[i].strong);
  }
}

/** A dashed line at a step with its name on top, at the side where there is room. */
function mark(drawing: Canvas, frame: Frame, x: number, text: string, color: string, row: number): void {
  line(
    drawing,
    [
      [x, frame.top],
      [x, frame.top + frame.height],
    ],
    color,
    1.4,
    '4 4',
  );
  const isLate = x > frame.left + frame.width * 0.75;
  const style = { size: 12, color, bold: true, anchor: isLate ? 'end' : 'start' } as const;
  label(drawing, text, x + (isLate ? -6 : 6), frame.top + 14 + 16 * row, style);
}

/** Best and early end of a single run. */
function drawMarks(drawing: Canvas, frames: readonly Frame[], run: KeptRun, x: Place): void {
  const { best, status, step } = factsOf(run);
  for (const [i, frame] of frames.entries()) {
    if (best) mark(drawing, frame, x(best.step), i === 0 ? `best: step ${best.step}` : '', colors.green, 0);
    if (status === 'running' || status === 'finished') continue;
    mark(drawing, frame, x(step), i === 0 ? `${status}: step ${step}` : '', colors.red, 1);
  }
}

function legend(drawing: Canvas, runs: readonly KeptRun[], y: number): void {
  let right = width - margin.right;
  for (const [i, { folder }] of [...runs.entries()].reverse()) {
    const text = start(oneLine(runName(folder)), 22);
    const wide = labelWidth(text, 12);
    label(drawing, text, right - wide, y, { size: 12 });
    rectangle(drawing, right - wide - 18, y - 10, 12, 12, shades[i].strong);
    right -= wide + 36;
  }
}

function caption(runs: readonly KeptRun[]): string {
  if (runs.length > 1) return runs.map(run => `${showSteps(factsOf(run))} steps`).join('  ·  ');
  const facts = factsOf(runs[0]);
  return [
    facts.status,
    `${showSteps(facts)} steps`,
    counted(facts.pictures ?? 0, 'picture'),
    ...(facts.loss === null ? [] : [`loss ${number(facts.loss)}`]),
    ...(facts.best ? [`best validation ${number(facts.best.validation)} at step ${facts.best.step}`] : []),
    facts.base ?? '',
  ].join('  ·  ');
}

const headOf = (runs: readonly KeptRun[]): string =>
  oneLine(runs.map(({ folder }) => runName(folder)).join(', '));

export function drawRuns(runs: readonly KeptRun[]): Canvas {
  const isValidated = runs.some(({ validations }) => validations.length > 0);
  const upper: Frame = { left: margin.left, top: lossTop, width: inside, height: lossHeight };
  const lower: Frame = { ...upper, top: lossTop + lossHeight + gap, height: validationHeight };
  const frames = isValidated ? [upper, lower] : [upper];
  const bottom = frames[frames.length - 1];
  const drawing = canvas(width, bottom.top + bottom.height + foot);
  titles(drawing, headOf(runs), caption(runs));
  const last = runs
    .flatMap(({ steps, validations }) => [steps.at(-1)?.step ?? 0, validations.at(-1)?.step ?? 0])
    .reduce((a, b) => Math.max(a, b), 1);
  chartTitle(
    drawing,
    runs.length === 1 ? 'Loss: each step, and smoothed' : 'Loss, smoothed',
    margin.right,
    lossTop - 20,
  );
  if (runs.length > 1) legend(drawing, runs, lossTop - 20);
  if (isValidated) {
    chartTitle(
      drawing,
      'Loss on held-out pictures, with its confidence interval',
      margin.right,
      lower.top - 20,
    );
    drawValidations(drawing, lower, runs, last);
  }
  const x = drawLosses(drawing, upper, runs, last);
  if (runs.length === 1) drawMarks(drawing, frames, runs[0], x);
  const style = { size: 12, color: colors.faint, anchor: 'middle' } as const;
  label(drawing, 'step', margin.left + inside / 2, bottom.top + bottom.height + 38, style);
  return drawing;
}

export async function plotRuns(runs: readonly KeptRun[], path: string): Promise<void> {
  await writePlot(path, drawRuns(runs), `Loss of ${headOf(runs)}: ${caption(runs)}`);
}
