/** @file `lora bench`: the figures that the product claims, measured here, beside PyTorch where it is installed. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import {
  checkDevice,
  deviceHelp,
  measureMatmulPeak,
  openDevice,
  projectPath,
} from '../../workbench/index.ts';
import { type Case, cases, entries } from '../bench/cases.ts';
import { documentOf, measuredOf, tablesOf } from '../bench/document.ts';
import { measureEveryday } from '../bench/everyday.ts';
import { filesFor } from '../bench/files.ts';
import { measureLora } from '../bench/lora-works.ts';
import { describeMachine } from '../bench/machine.ts';
import { type Results, readResults, withRun, writeResults } from '../bench/results.ts';
import { runCase, type Turns } from '../bench/running.ts';
import { everydayTable } from '../bench/table.ts';
import { type ModelWork, measure } from '../bench/works.ts';
import { integerOption } from '../numbers.ts';
import { openTerminal } from '../terminal.ts';

interface Options {
  peer: boolean;
  all: boolean;
  only?: string;
  add: boolean;
  through: string;
  one?: number;
  rounds: number;
  device: string;
  write: boolean;
  json: boolean;
}

/** The cases that the options ask for. */
export function chooseCases({ all, only }: Pick<Options, 'all' | 'only'>): readonly Case[] {
  if (only === undefined) return cases.filter(({ isCommon }) => all || isCommon);
  const chosen = cases.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
  if (chosen.length > 0) return chosen;
  const names = cases.map(({ name }) => name).join('; ');
  throw usageError('BENCH_UNKNOWN', `--only ${only}: no case has this in its name`, `Cases: ${names}.`);
}

/** Runs one of our ways in this process. */
async function runOne(index: number, device: string): Promise<void> {
  const entry = entries[index];
  const isCommand = ['open', 'first step', 'lora tool', 'generate'].includes(entry?.one.work.kind ?? '');
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  if (!entry || isCommand) throw usageError('BENCH_UNKNOWN', `there is no case ${index} to run by itself`);
  const session = await openDevice(device, note);
  const { work } = entry.one;
  const files = await filesFor(work, note);
  const isOfLora = work.kind === 'lora step' || work.kind === 'lora switch';
  const run = isOfLora
    ? await measureLora(work, files, session)
    : await measure(work as ModelWork, entry.way, files, session);
  process.stdout.write(`${JSON.stringify(run)}\n`);
}

async function save(results: Results): Promise<void> {
  await writeResults(results);
  await writeFileAtomic(projectPath('bench/RESULTS.md'), documentOf(results));
}

async function run(options: Options): Promise<void> {
  const { device, rounds, only } = options;
  checkDevice(device);
  if (options.one !== undefined) return runOne(options.one, device);
  if (rounds < 1) throw usageError('OPTION_INVALID', `--rounds ${rounds}: give 1 or more`);
  const wanted = chooseCases(options);
  const terminal = openTerminal(options.json);
  const [machine, date] = [describeMachine(device), new Date().toISOString().slice(0, 10)];
  const through = options.through.split(' ').filter(word => word !== '');
  const turns: Turns = { ...terminal, rounds, withPeers: options.peer, device, through };
  let results = readResults();
  /** Another bench may have written meanwhile. */
  const update = async (change: (before: Results) => Results): Promise<void> => {
    results = change(options.write ? readResults() : results);
    if (options.write) await save(results);
  };
  for (const one of wanted) {
    const head = { machine, date, matmulGflops: await measureMatmulPeak() };
    let isKept = options.add;
    await runCase(one, turns, async (engine, measured) => {
      await update(before => {
        const row = withRun(isKept ? before.rows[one.name] : undefined, head, engine, measured);
        return { ...before, rows: { ...before.rows, [one.name]: row } };
      });
      isKept = true;
    });
  }
  if (only === undefined && device === 'cpu') {
    const everyday = { ...(await measureEveryday()), machine, date };
    await update(before => ({ ...before, everyday }));
  }
  const measured = measuredOf(results, wanted);
  const everyday = only === undefined ? results.everyday : undefined;
  const tables = [machine, tablesOf(measured), ...(everyday ? [everydayTable(everyday)] : [])];
  const rows = Object.fromEntries(measured.map(({ one, row }) => [one.name, row]));
  terminal.result({ machine, rows, everyday }, tables.join('\n\n'));
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure training and generating speed and memory')
    .option('--peer', 'also PyTorch + diffusers + PEFT and sd-scripts on the same work, in turn', false)
    .option('--all', 'also what takes long: SDXL, tiles, opening a 7 GB file, start to first step', false)
    .option('--only <text>', 'only cases whose name contains this')
    .option('--rounds <n>', 'how often each engine has its turn', integerOption('--rounds'), 2)
    .option('--add', 'add to the rounds in bench/results.json instead of replacing them', false)
    .option('--through <command>', 'starts each measured process, e.g. "taskset -c 0,1"', '')
    .option('--one <n>', 'run one case in this process and print its measurements', integerOption('--one'))
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--no-write', 'write neither bench/results.json nor bench/RESULTS.md')
    .option('--json', 'machine-readable result on stdout', false)
    .addHelpText(
      'after',
      '\nPeers run in $LORA_PYTHON (python3 unless set); sd-scripts in $LORA_SD_SCRIPTS_PYTHON, its folder in $LORA_SD_SCRIPTS.',
    )
    .action(run);
}
