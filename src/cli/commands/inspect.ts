/** @file `lora inspect`: what is in a LoRA file. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { badInput, LoraError } from '../../errors.ts';
import { inspectLora, type LoraFacts } from '../../lora/index.ts';
import { openTerminal, showBytes } from '../terminal.ts';

const shownMetadata = [
  'ss_base_model_version',
  'ss_sd_model_name',
  'ss_steps',
  'ss_learning_rate',
  'ss_resolution',
  'ss_num_train_images',
  'modelspec.architecture',
  'modelspec.trigger_phrase',
  'modelspec.date',
  'sshs_model_hash',
] as const;

function bar(part: number, whole: number): string {
  return '█'.repeat(Math.round((24 * part) / (whole || 1)));
}

function describe(facts: LoraFacts): string {
  const most = Math.max(...facts.blocks.map(({ norm }) => norm));
  const width = Math.max(...facts.blocks.map(({ block }) => block.length), 5);
  return [
    facts.path,
    `  kind       ${facts.kind}, ${facts.dialect} names, for ${facts.family}`,
    `  size       ${showBytes(facts.fileBytes)}, ${(facts.parameters / 1e6).toFixed(2)} M parameters in ${facts.dtypes.join(', ')}`,
    `  modules    ${facts.modules.length}, rank ${facts.ranks.join(', ')}, alpha ${facts.alphas.join(', ')}`,
    ...facts.findings.map(finding => `  WARNING    ${finding}`),
    '  ‖ΔW‖ by block',
    ...facts.blocks.map(
      ({ block, modules, norm }) =>
        `    ${block.padEnd(width)} ${norm.toFixed(3).padStart(9)} ${String(modules).padStart(4)} modules ${bar(norm, most)}`,
    ),
    '  metadata',
    ...shownMetadata.flatMap(key => (key in facts.metadata ? [`    ${key}: ${facts.metadata[key]}`] : [])),
    `    (${Object.keys(facts.metadata).length} entries in all; --json prints them)`,
  ].join('\n');
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) throw badInput('FILE_MISSING', `${path} does not exist`);
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path).filter(name => name.endsWith('.safetensors'));
  if (files.length === 0) throw badInput('FOLDER_EMPTY', `${path} holds no .safetensors file`);
  return files.sort().map(name => join(path, name));
}

function run(path: string, options: { json: boolean }): void {
  const terminal = openTerminal(options.json);
  const files = filesOf(path);
  const facts = files.map(file => {
    try {
      return inspectLora(file);
    } catch (error) {
      // In a folder, one bad file must not hide the others.
      if (files.length === 1 || !(error instanceof LoraError)) throw error;
      terminal.note(`error ${error.code}: ${error.message}`);
      return undefined;
    }
  });
  const good = facts.filter(entry => entry !== undefined);
  terminal.result(files.length === 1 ? good[0] : good, good.map(describe).join('\n\n'));
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'show kind, rank, targets, ‖ΔW‖ per block and metadata of a LoRA file, or of all in a folder',
    )
    .argument('<path>', '.safetensors file or folder')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
