/** @file `lora doctor --tune`: measures the algorithms of every convolution of a model on this machine, and keeps the winners. */
import { setImmediate } from 'node:timers/promises';
import { type Convolution, tuneConvolution } from '../../engine/index.ts';
import { addMeasured, type Measured, readTuning, showSeconds, tuningPath } from '../../workbench/index.ts';
import type { Terminal } from '../terminal.ts';
import type { Workload } from './workloads.ts';

type Entry = Measured[string];

export interface TuneRequest {
  /** What is tuned, in words. */
  readonly title: string;
  readonly workloads: readonly Workload[];
  readonly convolutions: readonly Convolution[];
  /** Measure also what was measured before. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  readonly path?: string;
}

export interface TuneResult {
  readonly json: { readonly interrupted: boolean } & Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Measures what is missing, most work first, and writes after each, so that an interruption loses nothing. */
async function measure(
  { convolutions, again, signal }: TuneRequest,
  path: string,
  terminal: Terminal,
): Promise<Measured> {
  const known = readTuning(text => terminal.note(text), path)?.convolutions ?? {};
  const measured: Measured = {};
  for (const { key } of again ? [] : convolutions) if (known[key]) measured[key] = known[key];
  const missing = convolutions.filter(({ key }) => !measured[key]);
  const work = (list: readonly Convolution[]): number => list.reduce((sum, { flops }) => sum + flops, 0);
  const started = performance.now();
  for (const [i, convolution] of missing.entries()) {
    const seconds = (performance.now() - started) / 1000;
    const left = (seconds * work(missing.slice(i))) / work(missing.slice(0, i));
    const time = i === 0 ? '' : `, about ${showSeconds(left)} left`;
    terminal.progress(`tuning ${i + 1} of ${missing.length}: ${convolution.key}${time}`);
    await setImmediate(); // lets a signal through: measuring blocks this thread
    if (signal.aborted) break;
    const { timings, tabled, chosen } = await tuneConvolution(convolution);
    const entry = { tabled, chosen, timings: [...timings] };
    measured[convolution.key] = entry;
    await addMeasured({ [convolution.key]: entry }, path);
  }
  return measured;
}

const bestOf = ({ timings }: Entry, wanted: Entry['chosen']): number =>
  timings.find(({ algorithm }) => algorithm === wanted)?.bestMs ?? 0;

/** Predicted milliseconds of a workload's convolutions by the table, and how many fewer by the choices. */
function predict({ name, counts }: Workload, measured: Measured) {
  let tabledMs = 0;
  let chosenMs = 0;
  for (const [key, count] of counts) {
    const entry = measured[key];
    if (!entry) continue;
    tabledMs += count * bestOf(entry, entry.tabled);
    chosenMs += count * bestOf(entry, entry.chosen);
  }
  return { name, tabledMs, chosenMs, savedMs: tabledMs - chosenMs };
}

function line(key: string, entry: Entry): string {
  const cell = (algorithm: Entry['chosen']): string => {
    const timing = entry.timings.find(one => one.algorithm === algorithm);
    return (timing ? timing.bestMs.toFixed(2) : '–').padStart(10);
  };
  const cells = (['direct', 'winograd2', 'winograd4'] as const).map(cell).join('');
  const other = entry.chosen === entry.tabled ? '' : `  instead of ${entry.tabled}`;
  return `${key.padEnd(62)}${cells}  ${entry.chosen}${other}`;
}

/** Tunes and tells: one line a convolution, and what the choices save in each workload. */
export async function tune(request: TuneRequest, terminal: Terminal): Promise<TuneResult> {
  const { title, workloads, convolutions, signal, path = tuningPath() } = request;
  const measured = await measure(request, path, terminal);
  const rows = convolutions.flatMap(({ key }) => (measured[key] ? [[key, measured[key]] as const] : []));
  const predictions = workloads.map(workload => predict(workload, measured));
  const changed = rows.filter(([, { tabled, chosen }]) => tabled !== chosen).length;
  const interrupted = signal.aborted;
  const json = {
    title,
    file: path,
    interrupted,
    measured: rows.length,
    missing: convolutions.length - rows.length,
    changed,
    convolutions: Object.fromEntries(rows),
    predictions,
  };
  const heads = ['direct', 'winograd2', 'winograd4'].map(name => name.padStart(10)).join('');
  const text = [
    `${title}: best milliseconds of each algorithm`,
    `${''.padEnd(62)}${heads}  chosen`,
    ...rows.map(([key, entry]) => line(key, entry)),
    '',
    ...predictions.map(
      ({ name, tabledMs, savedMs }) =>
        `${name.padEnd(18)}these convolutions take ${showSeconds(tabledMs / 1000)} by the built-in table, ${savedMs.toFixed(0)} ms less as chosen`,
    ),
    `${rows.length} of ${convolutions.length} convolutions measured, ${changed} chosen otherwise than by the built-in table; kept in ${path}`,
  ].join('\n');
  return { json, text };
}
