/** @file `lora runs list|show|compare`: what training runs have left beside their LoRA files. */
import { Command } from 'commander';
import { LoraError, usageError } from '../../errors.ts';
import { findRuns, type KeptRun, readRun } from '../../training/index.ts';
import { checkPlotPath } from '../../workbench/index.ts';
import { differencesOf } from '../runs/differences.ts';
import { findRun } from '../runs/find-run.ts';
import { factsOf, factsOfState, previewPath } from '../runs/run-facts.ts';
import { describeDifferences, describeRun, describeRuns } from '../runs/runs-report.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

interface Options {
  readonly json: boolean;
  readonly plot?: string;
}

/** One damaged run must not hide the others. */
function readAll(folders: readonly string[], terminal: Terminal): KeptRun[] {
  return folders.flatMap(folder => {
    try {
      return [readRun(folder)];
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      terminal.note(`left out: ${error.message}`);
      return [];
    }
  });
}

async function list(folder: string, { json }: Options): Promise<void> {
  const terminal = openTerminal(json);
  const { folders, states } = findRuns(folder);
  const runs = [...readAll(folders, terminal).map(factsOf), ...states.map(factsOfState)];
  runs.sort((a, b) => b.startedAt - a.startedAt);
  const text = runs.length === 0 ? `no runs in ${folder} or below it` : describeRuns(runs).join('\n');
  terminal.result(runs, text);
}

async function draw(runs: readonly KeptRun[], path: string, terminal: Terminal): Promise<void> {
  const { plotRuns } = await import('../runs/loss-plot.ts');
  await plotRuns(runs, path);
  terminal.note(`wrote ${path}`);
}

function readGiven(given: string, terminal: Terminal): KeptRun {
  const run = readRun(findRun(given));
  for (const finding of run.findings) terminal.note(`warning: ${finding}`);
  return run;
}

const curvesOf = ({ steps, validations }: KeptRun) => ({ steps, validations });

async function show(given: string, { json, plot }: Options): Promise<void> {
  const terminal = openTerminal(json);
  if (plot !== undefined) checkPlotPath(plot);
  const run = readGiven(given, terminal);
  if (plot !== undefined) await draw([run], plot, terminal);
  const { manifest, previews, events } = run;
  const pictures = previews.map(({ name, step, path }) => ({ name, step, path: previewPath(run, path) }));
  const value = { ...factsOf(run), manifest, previews: pictures, events, ...curvesOf(run) };
  terminal.result(value, describeRun(run).join('\n'));
}

async function compare(given: readonly string[], { json, plot }: Options): Promise<void> {
  const terminal = openTerminal(json);
  if (plot !== undefined) checkPlotPath(plot);
  if (given.length < 2) throw usageError('RUNS_TOO_FEW', 'give two runs or more');
  const { mostCompared } = await import('../runs/loss-plot.ts');
  if (given.length > mostCompared)
    throw usageError('RUNS_TOO_MANY', `${given.length} runs: at most ${mostCompared} are compared at once`);
  const runs = given.map(name => readGiven(name, terminal));
  const differences = differencesOf(runs);
  if (plot !== undefined) await draw(runs, plot, terminal);
  const value = { runs: runs.map(run => ({ ...factsOf(run), ...curvesOf(run) })), differences };
  terminal.result(value, describeDifferences(runs, differences).join('\n'));
}

const jsonHelp = 'machine-readable result on stdout';
const plotHelp = 'draw the loss as .png or .svg';

export function runsCommand(): Command {
  return new Command('runs')
    .description('list, show and compare training runs by what they left beside their LoRA files')
    .addCommand(
      new Command('list')
        .description('the runs in a folder and below it, the newest first')
        .argument('[folder]', 'where to look', '.')
        .option('--json', jsonHelp, false)
        .action(list),
    )
    .addCommand(
      new Command('show')
        .description('one run: how it stands, its loss, its validation, its previews')
        .argument('<run>', 'its LoRA file, its .run folder, or its name')
        .option('--plot <file>', plotHelp)
        .option('--json', jsonHelp, false)
        .action(show),
    )
    .addCommand(
      new Command('compare')
        .description('several runs side by side, and what differs in their recipes')
        .argument('<runs...>', 'LoRA files, .run folders, or names')
        .option('--plot <file>', plotHelp)
        .option('--json', jsonHelp, false)
        .action(compare),
    );
}
