/** @file `lora diff`: whether two LoRAs are the same, and where they differ. */
import { Command } from 'commander';
import { exitCodes, usageError } from '../../errors.ts';
import { diffLoras, withProducts } from '../../lora/index.ts';
import { basePath, checkPlotPath } from '../../workbench/index.ts';
import { describeDifference, sentence } from '../diff-report.ts';
import { numberOption } from '../numbers.ts';
import { openTerminal } from '../terminal.ts';

interface Options {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly tolerance: number;
  readonly base?: string;
  readonly plot?: string;
}

async function openBase(path: string) {
  const { openCheckpoint } = await import('../../models/index.ts');
  return openCheckpoint(basePath(path));
}

async function run(a: string, b: string, options: Options): Promise<void> {
  const { json, quiet, tolerance, base, plot } = options;
  if (tolerance < 0) throw usageError('OPTION_INVALID', `--tolerance ${tolerance}: give 0 or more`);
  if (plot !== undefined) checkPlotPath(plot);
  const terminal = openTerminal(json);
  await withProducts(async multiply => {
    const checkpoint = base === undefined ? {} : { base: await openBase(base) };
    const difference = await diffLoras(a, b, { tolerance, multiply, ...checkpoint });
    if (plot !== undefined) {
      const { plotDifference } = await import('../plots/diff-plot.ts');
      await plotDifference(difference, plot);
      terminal.note(`wrote ${plot}`);
    }
    const said = sentence(difference);
    terminal.result({ sentence: said, ...difference }, quiet ? said : describeDifference(difference));
    if (!difference.isSame) process.exitCode = exitCodes.failure;
  });
}

export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'tell whether two LoRA files change a model in the same way, whatever their dialects, types, ranks and kinds, and where they differ',
    )
    .argument('<a>', '.safetensors file, or a folder that PEFT wrote')
    .argument('<b>', 'another')
    .option(
      '--tolerance <share>',
      '‖ΔW of a − ΔW of b‖ as a share of the larger up to which they are the same; 0.01 takes a rounded copy for the same',
      numberOption('--tolerance'),
      1e-6,
    )
    .option('--base <model>', 'base model, to compare ΔW of DoRA, IA³, GLoRA and OFT')
    .option('--plot <file>', 'draw norms and differences per block, as .png or .svg')
    .option('--quiet', 'print the first sentence only', false)
    .option('--json', 'machine-readable result on stdout', false)
    .addHelpText(
      'after',
      '\nExit code: 0 the same, 1 different, 2 wrong options, 3 a file that cannot be read.',
    )
    .action(run);
}
