/** @file What is said of a grid: in the help, before it is drawn and while it is. */
import { axisTable, type GridFolder, type GridProgress } from '../../generation/index.ts';
import { showSeconds, wrap } from '../../workbench/index.ts';

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** `5 × 4 × 2 = 40 cells on 2 sheets; 36 pictures, since some cells are the same; 12 are there already` */
export function describeGrid({ grid, missing }: GridFolder): string {
  const { axes, cells, pictures, sheets } = grid;
  const counts = axes.filter(({ title }) => title !== '').map(({ values }) => values.length);
  const product = counts.length > 1 ? `${counts.join(' × ')} = ` : '';
  const onSheets = sheets.length > 1 ? ` on ${counted(sheets.length, 'sheet')}` : '';
  const same = pictures.length < cells.length ? ', since some cells are the same' : '';
  const there = pictures.length - missing().length;
  const already = there > 0 ? `; ${there === pictures.length ? 'all' : there} are there already` : '';
  const what = `${product}${counted(cells.length, 'cell')}${onSheets}`;
  return `${what}; ${counted(pictures.length, 'picture')}${same}${already}`;
}

export function describeProgress({ done, total, step, steps, secondsLeft }: GridProgress): string {
  const left = secondsLeft === undefined ? '' : `  about ${showSeconds(secondsLeft)} left`;
  return `picture ${Math.min(done + 1, total)} of ${total}  step ${step}/${steps}${left}`;
}

/** What each axis takes, for the help. */
export function axisHelp(): string {
  const offered = axisTable.filter(({ values }) => values !== '');
  const width = Math.max(...offered.map(({ name }) => name.length)) + 2;
  const lines = offered.flatMap(({ name, values }) =>
    wrap(values, 96 - width).map((line, i) => `  ${(i === 0 ? name : '').padEnd(width)}${line}`),
  );
  return [
    '',
    'Axes, as "name: values":',
    ...lines,
    '',
    'Lists have commas; a value that holds one stands in quotes. Ranges of numbers: 1-5, 1-5 (+2) by',
    'steps of 2, 0-1 [5] for five values. Of several LoRAs an axis says which: "strength of alice: 0.5,1";',
    '"of all" means all. +lora and +epoch add one beside those of the prompt.',
  ].join('\n');
}
