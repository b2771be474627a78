/** @file `lora inspect`: what is in a LoRA file. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { badInput, exitCodes, LoraError } from '../../errors.ts';
import { inspectLora, type LoraFacts } from '../../lora/index.ts';
import { openTerminal, showBytes, type Terminal } from '../terminal.ts';

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

function describeMeasures(facts: LoraFacts): string[] {
  if (facts.modules.length === 0) return [];
  const most = Math.max(...facts.blocks.map(({ norm }) => norm));
  const width = Math.max(...facts.blocks.map(({ block }) => block.length), 5);
  const targets = facts.targets.map(({ layer, modules }) => `${layer} ×${modules}`).join(', ');
  return [
    `  modules    ${facts.modules.length}, rank ${facts.ranks.join(', ')}, alpha ${facts.alphas.join(', ')}`,
    `  targets    ${targets}`,
    '  ‖ΔW‖ by block',
    ...facts.blocks.map(
      ({ block, modules, norm }) =>
        `    ${block.padEnd(width)} ${norm.toFixed(3).padStart(9)} ${String(modules).padStart(4)} modules ${bar(norm, most)}`,
    ),
  ];
}

function describe(facts: LoraFacts): string {
  const count = Object.keys(facts.metadata).length;
  return [
    facts.path,
    `  kind       ${facts.kind}, ${facts.dialect} names, for ${facts.family}`,
    `  size       ${showBytes(facts.fileBytes)}, ${(facts.parameters / 1e6).toFixed(2)} M parameters in ${facts.dtypes.join(', ')}`,
    ...facts.findings.map(finding => `  WARNING    ${finding}`),
    ...(facts.kind === 'other' && facts.modules.length === 0
      ? ['  this is no LoRA; `lora checkpoint inspect` shows base models']
      : []),
    ...describeMeasures(facts),
    '  metadata',
    ...shownMetadata.flatMap(key => (key in facts.metadata ? [`    ${key}: ${facts.metadata[key]}`] : [])),
    `    (${count} ${count === 1 ? 'entry' : 'entries'} in all; --json prints them)`,
  ].join('\n');
}

function filesIn(folder: string): string[] {
  const files = readdirSync(folder).filter(name => name.toLowerCase().endsWith('.safetensors'));
  if (files.length === 0) throw badInput('FOLDER_EMPTY', `${folder} holds no .safetensors file`);
  return files.sort().map(name => join(folder, name));
}

/** In a folder, one bad file must not hide the others: it is told, in its place, and in the exit code. */
function inspectFolder(folder: string, terminal: Terminal): void {
  const results = filesIn(folder).map(path => {
    try {
      return inspectLora(path);
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      const { code, message, hint } = error;
      terminal.note(`error ${code}: ${message}${hint ? `\n  ${hint}` : ''}`);
      process.exitCode = exitCodes[error.exit];
      return { path, error: { code, message, hint } };
    }
  });
  const texts = results.flatMap(result => ('error' in result ? [] : [describe(result)]));
  terminal.result(results, texts.join('\n\n'));
}

function run(path: string, options: { json: boolean }): void {
  const terminal = openTerminal(options.json);
  if (!existsSync(path)) throw badInput('FILE_MISSING', `${path} does not exist`);
  if (statSync(path).isDirectory()) {
    inspectFolder(path, terminal);
    return;
  }
  const facts = inspectLora(path);
  terminal.result(facts, describe(facts));
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
