/** @file `lora combine`: several LoRAs as one file. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { loraName, parseLoraOption } from '../../generation/index.ts';
import { type CombinedFile, commonFamilies, openLoraFile, parseBlockWeights } from '../../lora/index.ts';
import { combineFiles, showBytes, showSeconds } from '../../workbench/index.ts';
import { collect } from '../numbers.ts';
import {
  checkLoraOut,
  type LoraOutOptions,
  type RankOptions,
  rankRule,
  showKept,
  withLoraOut,
  withRanks,
} from '../rank-options.ts';
import { openTerminal } from '../terminal.ts';

interface Options extends LoraOutOptions, RankOptions {
  readonly loraFolder: readonly string[];
  readonly allowNonfinite: boolean;
}

function openFiles(given: readonly string[], { loraFolder, allowNonfinite }: Options): CombinedFile[] {
  const opened = given.map(text => {
    const { path, blocks, ...strengths } = parseLoraOption(text, ['.', ...loraFolder]);
    return { ...strengths, blocks, name: loraName(path), file: openLoraFile(path, { allowNonfinite }) };
  });
  const families = commonFamilies(opened.map(({ file }) => file));
  return opened.map(({ blocks, ...file }) => {
    if (blocks === undefined) return file;
    if (families.length === 1) return { ...file, blocks: parseBlockWeights(blocks, families[0]) };
    const message = `${file.file.path}: its tensors do not tell the model, so blocks have no names`;
    throw usageError('COMBINE_BLOCKS', message, 'Leave lbw=… out.');
  });
}

const describe = ({ name, strength, textStrength = strength }: CombinedFile): string =>
  `${name} at ${strength}${textStrength === strength ? '' : `, text encoder ${textStrength}`}`;

async function combine(given: string[], options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { out } = options;
  const files = openFiles(given, options);
  checkLoraOut(
    out,
    files.map(({ file }) => file.path),
  );
  const rule = rankRule(options);
  const started = performance.now();
  const { dtype, written, modules, leftOut, kept } = await combineFiles(out, files, {
    ...{ rule, dtype: options.precision },
    onProgress: (done, all) => terminal.progress(`combining  ${done}/${all}`),
  });
  for (const { path, key, reason } of leftOut) terminal.note(`left out ${key} of ${path}: ${reason}`);
  const seconds = (performance.now() - started) / 1000;
  const text = [
    `${out}: ${files.map(describe).join(', ')}`,
    `  ${modules.length} modules, ${showBytes(written.bytes)} in ${showSeconds(seconds)}`,
    `  ${showKept(modules)}`,
  ].join('\n');
  const loras = files.map(({ name, strength, textStrength = strength }) => ({
    name,
    strength,
    textStrength,
  }));
  const facts = { kept, bytes: written.bytes, hash: written.hash, seconds };
  terminal.result({ file: out, loras, rule: rule ?? null, dtype, ...facts, modules, leftOut }, text);
}

export function combineCommand(): Command {
  const command = new Command('combine')
    .description('make one LoRA of several: all ranks side by side, which is exact, or lower ones')
    .argument('<loras...>', 'file.safetensors:0.8, with :te=0.5 for the text encoder and :lbw=… for blocks');
  withRanks(command, ['rank', 'keep', 'sv-ratio', 'sv-fro', 'sv-cumulative']);
  return withLoraOut(command, 'as most tensors of the LoRAs are')
    .option('--lora-folder <folder>', 'where LoRAs are looked for by name; more than once', collect, [])
    .option('--allow-nonfinite', 'read LoRAs that hold NaN or infinity', false)
    .action(combine);
}
