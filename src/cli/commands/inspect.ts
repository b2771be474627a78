/** @file `lora inspect`: what is in a LoRA file, or in a folder of them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { badInput, exitCodes, LoraError, usageError } from '../../errors.ts';
import { isFolder } from '../../files/index.ts';
import { findDuplicates, type Inspected, inspectLora, withProducts } from '../../lora/index.ts';
import { basePath, checkPlotPath } from '../../workbench/index.ts';
import { describeFolder, describeLora } from '../inspect-report.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

interface Options {
  readonly json: boolean;
  readonly base?: string;
  readonly plot?: string;
}

const adapterFiles = ['adapter_model.safetensors', 'adapter_config.json'];

/** LoRA files of a folder; none in a folder that PEFT wrote, which is one LoRA. */
function filesIn(folder: string): string[] {
  const names = readdirSync(folder);
  if (names.some(name => adapterFiles.includes(name))) return [];
  const files = names.filter(name => name.toLowerCase().endsWith('.safetensors'));
  const isPeft = names.some(name => existsSync(join(folder, name, adapterFiles[1])));
  if (files.length === 0 && !isPeft) throw badInput('FOLDER_EMPTY', `${folder} holds no .safetensors file`);
  return files.sort().map(name => join(folder, name));
}

/** One bad file must not hide the others: it is told, in its place, and in the exit code. */
async function inspectFolder(paths: readonly string[], terminal: Terminal): Promise<void> {
  await withProducts(async multiply => {
    const found: Inspected[] = [];
    const results: unknown[] = [];
    for (const [i, path] of paths.entries()) {
      terminal.progress(`${i + 1} of ${paths.length}: ${path}`);
      try {
        const inspected = await inspectLora(path, { multiply });
        found.push(inspected);
        results.push(inspected.facts);
      } catch (error) {
        if (!(error instanceof LoraError)) throw error;
        const { code, message, hint } = error;
        terminal.note(`error ${code}: ${message}${hint ? `\n  ${hint}` : ''}`);
        process.exitCode = exitCodes[error.exit];
        results.push({ path, error: { code, message, hint } });
      }
    }
    const duplicates = await findDuplicates(found, multiply);
    const facts = found.map(({ facts: own }) => own);
    terminal.result({ loras: results, duplicates }, describeFolder(facts, duplicates));
  });
}

async function openBase(path: string) {
  const { openCheckpoint } = await import('../../models/index.ts');
  return openCheckpoint(basePath(path));
}

async function run(path: string, { json, base, plot }: Options): Promise<void> {
  const terminal = openTerminal(json);
  if (!existsSync(path)) throw badInput('FILE_MISSING', `${path} does not exist`);
  const files = isFolder(path) ? filesIn(path) : [];
  if (files.length > 0) {
    if (base !== undefined || plot !== undefined)
      throw usageError('OPTION_INVALID', '--base and --plot are for one LoRA, not for a folder of them');
    await inspectFolder(files, terminal);
    return;
  }
  if (plot !== undefined) checkPlotPath(plot);
  await withProducts(async multiply => {
    const checkpoint = base === undefined ? {} : { base: await openBase(base) };
    const { facts } = await inspectLora(path, { multiply, ...checkpoint });
    if (plot !== undefined) {
      const { plotLora } = await import('../plots/lora-plot.ts');
      await plotLora(facts, plot);
      terminal.note(`wrote ${plot}`);
    }
    terminal.result(facts, describeLora(facts));
  });
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'show what is in a LoRA file: kind, ranks, how much it changes and where, what its training says; in a folder, also which of them are the same',
    )
    .argument('<path>', '.safetensors file, folder of them, or folder that PEFT wrote')
    .option('--base <model>', 'base model: ‖ΔW‖ of DoRA, IA³, GLoRA and OFT, and shares of the base weights')
    .option('--plot <file>', 'draw ‖ΔW‖ per block and the spectrum, as .png or .svg')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
