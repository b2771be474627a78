/** @file What a run wrote down, as columns for plots; new rows are added to those that are there. */
import type { ApiTrainingRows } from '../../../../src/server/api-types.ts';

export type StepRow = ApiTrainingRows['steps'][number];
export type ValidationRow = ApiTrainingRows['validations'][number];
export type PreviewRow = ApiTrainingRows['previews'][number];

export const noRows: ApiTrainingRows = { steps: [], validations: [], previews: [], totalSteps: 0 };

/** Rows of the same step are the newer ones: a run that was resumed goes back a little. */
function mergeBy<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (row: T) => string,
  stepOf: (row: T) => number,
): T[] {
  if (after.length === 0) return [...before];
  const all = new Map(before.map(row => [keyOf(row), row]));
  for (const row of after) all.set(keyOf(row), row);
  return [...all.values()].sort((a, b) => stepOf(a) - stepOf(b));
}

/** What was known, with what came. */
export function mergeRows(before: ApiTrainingRows, after: ApiTrainingRows): ApiTrainingRows {
  const stepOf = ({ step }: { readonly step: number }): number => step;
  const first = after.steps[0]?.step;
  const kept = first === undefined ? before.steps : before.steps.filter(({ step }) => step < first);
  return {
    steps: [...kept, ...after.steps],
    validations: mergeBy(before.validations, after.validations, row => String(row.step), stepOf),
    previews: mergeBy(before.previews, after.previews, row => `${row.name} ${row.step}`, stepOf),
    totalSteps: after.totalSteps || before.totalSteps,
  };
}

/** The last step that is known: `after` of the next question. */
export const lastStep = ({ steps }: ApiTrainingRows): number => steps.at(-1)?.step ?? 0;

export type Column = (number | null)[];

export interface RunColumns {
  readonly steps: number[];
  readonly loss: Column;
  readonly smoothed: Column;
  readonly rate: Column;
  readonly validation: Column;
  readonly low: Column;
  readonly high: Column;
}

/** One x axis for steps and looks; what a step does not say is null. */
export function columnsOf({ steps, validations }: ApiTrainingRows): RunColumns {
  const rows = new Map<number, { step?: StepRow; look?: ValidationRow }>();
  for (const step of steps) rows.set(step.step, { step });
  for (const look of validations) rows.set(look.step, { ...rows.get(look.step), look });
  const sorted = [...rows].sort(([a], [b]) => a - b);
  const column = (pick: (row: { step?: StepRow; look?: ValidationRow }) => number | undefined): Column =>
    sorted.map(([, row]) => pick(row) ?? null);
  return {
    steps: sorted.map(([step]) => step),
    loss: column(({ step }) => step?.loss),
    smoothed: column(({ step }) => step?.smoothed),
    rate: column(({ step }) => step?.rate),
    validation: column(({ look }) => look?.validation),
    low: column(({ look }) => look?.low),
    high: column(({ look }) => look?.high),
  };
}

/** The look with the lowest loss, the first of equal ones. */
export function bestLook(validations: readonly ValidationRow[]): ValidationRow | undefined {
  return validations.reduce<ValidationRow | undefined>(
    (best, look) => (best === undefined || look.validation < best.validation ? look : best),
    undefined,
  );
}

/** From zero to what nearly all steps stay below, so that a few large ones do not flatten the rest. */
export function lossRange(columns: Pick<RunColumns, 'loss' | 'smoothed' | 'validation'>): [number, number] {
  const numbers = (column: Column): number[] =>
    column.filter(value => value !== null && Number.isFinite(value)) as number[];
  const single = numbers(columns.loss).sort((a, b) => a - b);
  const most = single[Math.floor(0.98 * (single.length - 1))] ?? 0;
  const settled = numbers(columns.smoothed).slice(single.length > 40 ? 20 : 0);
  const top = Math.max(most, ...settled, ...numbers(columns.validation));
  return [0, top > 0 ? top * 1.05 : 1];
}

export interface PreviewStrip {
  readonly name: string;
  readonly prompt: string;
  /** Without the LoRA first, then step by step. */
  readonly pictures: readonly PreviewRow[];
}

/** Previews by prompt. */
export function stripsOf(previews: readonly PreviewRow[]): PreviewStrip[] {
  return [...Map.groupBy(previews, ({ name }) => name)]
    .map(([name, rows]) => ({
      name,
      prompt: rows.at(-1)?.prompt ?? '',
      pictures: rows.toSorted((a, b) => a.step - b.step),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
