/** @file What is written of a step: a line of JSON, a line of a table, and what is read back of them. */
import { z } from 'zod';

const finite = z.number();

const stepRow = z.object({
  step: z.number().int().positive(),
  loss: finite,
  smoothed: finite,
  rate: finite,
  /** Of each part that is trained, where parts have their own. */
  rates: z.record(z.string(), finite).optional(),
  gradientNorm: finite,
  seconds: finite,
  /** Bytes that the process holds. */
  memory: z.number().int().nonnegative(),
});

const validationRow = z.object({
  step: z.number().int().nonnegative(),
  validation: finite,
  /** Its confidence interval. */
  low: finite.optional(),
  high: finite.optional(),
  /** The best so far. */
  best: z.boolean().optional(),
});

export type StepRow = z.infer<typeof stepRow>;
export type ValidationRow = z.infer<typeof validationRow>;
export type Row = StepRow | ValidationRow;

export const isStepRow = (row: Row): row is StepRow => 'loss' in row;

const rowSchema = z.union([stepRow, validationRow]);

/** A line of `steps.jsonl`; undefined when it is torn or something else. */
export function parseRow(line: string): Row | undefined {
  try {
    return rowSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

export const rowLine = (row: Row): string => `${JSON.stringify(row)}\n`;

export interface WholeRows {
  readonly rows: Row[];
  /** Bytes that they take. */
  readonly length: number;
}

/** The rows of a file up to `step`, and to the first line that is torn. */
export function rowsUpTo(file: Uint8Array, step: number): WholeRows {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const rows: Row[] = [];
  let length = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, length)) {
    const row = parseRow(bytes.toString('utf8', length, end));
    if (row === undefined || row.step > step) break;
    rows.push(row);
    length = end + 1;
  }
  return { rows, length };
}

const fixedColumns = ['step', 'loss', 'smoothed', 'rate'] as const;
const lastColumns = [
  'gradient_norm',
  'seconds',
  'memory',
  'validation',
  'validation_low',
  'validation_high',
] as const;

/** `unet` → `rate_unet` */
const rateColumn = (part: string): string => `rate_${part.replace(/[^\w.-]/g, '_')}`;

function tableHead(parts: readonly string[]): string {
  return `${[...fixedColumns, ...parts.map(rateColumn), ...lastColumns].join(',')}\n`;
}

/** A row of the table; what it does not say is empty. */
export function tableLine(row: Row, parts: readonly string[]): string {
  const cells = isStepRow(row)
    ? [
        ...[row.step, row.loss, row.smoothed, row.rate],
        ...parts.map(part => row.rates?.[part] ?? ''),
        ...[row.gradientNorm, row.seconds, row.memory, '', '', ''],
      ]
    : [
        ...[row.step, '', '', ''],
        ...parts.map(() => ''),
        ...['', '', '', row.validation, row.low ?? '', row.high ?? ''],
      ];
  return `${cells.join(',')}\n`;
}

/** The parts of the first step; undefined before there is one. */
export function partsOf(rows: readonly Row[]): string[] | undefined {
  const first = rows.find(isStepRow);
  return first && Object.keys(first.rates ?? {});
}

/** The whole table. It begins with the first step: only then its columns are known. */
export function tableText(rows: readonly Row[]): string {
  const parts = partsOf(rows);
  return parts ? tableHead(parts) + rows.map(row => tableLine(row, parts)).join('') : '';
}
