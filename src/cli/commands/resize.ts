/** @file `lora resize`: a LoRA of lower ranks that changes the model nearly as before. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { openLoraFile, resizeLora, writeLora } from '../../lora/index.ts';
import { showBytes, showSeconds } from '../../workbench/index.ts';
import {
  checkLoraOut,
  keptSummary,
  type LoraOutOptions,
  openThinProducts,
  type RankOptions,
  rankRule,
  showKept,
  typeOfFiles,
  withLoraOut,
  withRanks,
} from '../rank-options.ts';
import { openTerminal } from '../terminal.ts';

interface Options extends LoraOutOptions, RankOptions {
  readonly allowNonfinite: boolean;
}

async function resize(path: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { out, allowNonfinite } = options;
  const rule = rankRule(options);
  if (!rule) throw usageError('RANK_RULE', 'which rank?', 'Give --rank 8, or --keep 0.95 and the like.');
  checkLoraOut(out, [path]);
  const started = performance.now();
  const file = openLoraFile(path, { allowNonfinite, hold: true });
  const products = openThinProducts();
  const progress = (done: number, all: number): void => terminal.progress(`resizing  ${done}/${all}`);
  const { lora, modules, leftOut } = await resizeLora(file, rule, products, progress).finally(() =>
    products.release(),
  );
  for (const { key, reason } of leftOut) terminal.note(`left out ${key}: ${reason}`);
  const dtype = options.precision ?? typeOfFiles([file]);
  const blocks = file.family?.name === 'SDXL' ? 'ldm' : 'diffusers';
  const written = await writeLora(out, lora, { dtype, blocks, keepExisting: true });
  const seconds = (performance.now() - started) / 1000;
  const before = file.files.reduce((sum, { fileSize }) => sum + fileSize, 0);
  const size = `${showBytes(before)} → ${showBytes(written.bytes)}`;
  const text = [
    `${out}: ${modules.length} modules, ${size} in ${showSeconds(seconds)}`,
    `  ${showKept(modules)}`,
  ].join('\n');
  const result = { file: out, rule, dtype, kept: keptSummary(modules), bytesBefore: before };
  terminal.result({ ...result, bytes: written.bytes, hash: written.hash, seconds, modules, leftOut }, text);
}

export function resizeCommand(): Command {
  const command = new Command('resize')
    .description('give a LoRA other ranks: the nearest one of a rank, or the ranks that keep enough of it')
    .argument('<lora>', '.safetensors file, or folder of PEFT');
  withRanks(command, ['rank', 'keep', 'sv-ratio', 'sv-fro', 'sv-cumulative']);
  return withLoraOut(command, 'as most of its tensors are')
    .option('--allow-nonfinite', 'read LoRAs that hold NaN or infinity', false)
    .action(resize);
}
