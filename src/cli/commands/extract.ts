/** @file `lora extract`: the difference of a tuned model and its base as a LoRA. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { loraName } from '../../generation/index.ts';
import { extractLora, writeLora } from '../../lora/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { basePath, showBytes, showSeconds } from '../../workbench/index.ts';
import {
  checkLoraOut,
  keptSummary,
  type LoraOutOptions,
  openThinProducts,
  type RankOptions,
  rankRule,
  showKept,
  withLoraOut,
  withRanks,
} from '../rank-options.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';

interface Options extends LoraOutOptions, RankOptions {
  readonly base: string;
  readonly targets?: string;
  readonly textTargets?: string;
}

/** Where nothing is said of the limit, a difference that no low rank holds must not fill the disk. */
const usualMaxRank = 128;

function open(path: string, terminal: Terminal) {
  const checkpoint = openCheckpoint(basePath(path));
  for (const finding of checkpoint.findings) terminal.note(`${checkpoint.name}: ${finding}`);
  return checkpoint;
}

/** A line for the layers that are the same, with some of their names. */
function describeUnchanged(unchanged: readonly string[]): string[] {
  if (unchanged.length === 0) return [];
  const more = unchanged.length > 3 ? ` and ${unchanged.length - 3} more` : '';
  const names = unchanged.slice(0, 3).join(', ');
  return [`  ${unchanged.length} layers are the same in both and left out: ${names}${more}`];
}

async function extract(path: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { out, targets, textTargets, precision: dtype = 'float16' } = options;
  const given = rankRule(options);
  if (!given) throw usageError('RANK_RULE', 'which rank?', 'Give --rank 16, or --keep 0.95.');
  const rule = { ...given, maxRank: given.maxRank ?? usualMaxRank };
  checkLoraOut(out, [path, options.base]);
  const signal = interruptible(() => terminal.note('stopping …'));
  const [tuned, base] = [open(path, terminal), open(options.base, terminal)];
  const started = performance.now();
  const products = openThinProducts();
  const onProgress = (done: number, all: number): void => terminal.progress(`extracting  ${done}/${all}`);
  const work = extractLora(tuned, base, { rule, targets, textTargets, products, signal, onProgress });
  const { lora, modules, unchanged } = await work.finally(() => products.release());
  const metadata = {
    ...lora.metadata,
    'modelspec.title': loraName(out),
    'modelspec.date': new Date().toISOString().slice(0, 19),
  };
  const blocks = base.family === 'sdxl' ? 'ldm' : 'diffusers';
  const written = await writeLora(out, { ...lora, metadata }, { dtype, blocks, keepExisting: true });
  const seconds = (performance.now() - started) / 1000;
  const text = [
    `${out}: ${modules.length} modules, ${showBytes(written.bytes)} in ${showSeconds(seconds)}`,
    `  ${showKept(modules)}`,
    ...describeUnchanged(unchanged),
  ].join('\n');
  const result = { file: out, tuned: tuned.name, base: base.name, family: base.family, rule, dtype };
  const facts = { kept: keptSummary(modules), bytes: written.bytes, hash: written.hash, seconds };
  terminal.result({ ...result, ...facts, modules, unchanged }, text);
}

export function extractCommand(): Command {
  const command = new Command('extract')
    .description('make a LoRA of the difference between a tuned model and its base')
    .argument('<tuned>', '.safetensors checkpoint or folder in the Diffusers layout')
    .requiredOption('--base <model>', 'the model that it was tuned from, in either layout');
  withRanks(command, ['rank', 'keep']);
  return withLoraOut(command, 'fp16')
    .option('--targets <layers>', 'layers of the UNet: linear (or conv with --conv-rank), a glob … or none')
    .option('--text-targets <layers>', 'layers of the text encoders: attention+mlp, a glob … or none')
    .action(extract);
}
