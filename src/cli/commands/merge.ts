/** @file `lora merge`: LoRAs added into the weights of a checkpoint, which becomes a new one. */
import { Command } from 'commander';
import { hashTensorData, type WeightDType } from '../../files/index.ts';
import { type LoadedLora, loadGiven, parseLoraOption } from '../../generation/index.ts';
import { mainFile, mergeIntoCheckpoint, type NamedLora } from '../../lora/index.ts';
import { type Checkpoint, checkRewrite, openCheckpoint } from '../../models/index.ts';
import { basePath, showBytes, showSeconds } from '../../workbench/index.ts';
import { describeLoad } from '../lora-report.ts';
import { collect } from '../numbers.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import { byteProgress, weightType, weightTypeNames } from '../writing.ts';

interface Options {
  base: string;
  out: string;
  precision?: WeightDType;
  loraFolder: string[];
  strict: boolean;
  json: boolean;
}

type HashedLora = LoadedLora & NamedLora;

/** Reads the LoRA of one argument, `file.safetensors:0.8:te=0.5:lbw=…`. */
async function load(checkpoint: Checkpoint, text: string, options: Options): Promise<HashedLora> {
  const lora = loadGiven(checkpoint, parseLoraOption(text, ['.', ...options.loraFolder]), {
    strict: options.strict,
  });
  return { ...lora, hash: await hashTensorData(mainFile(lora.path)) };
}

function describe({ name, strength, textStrength, report }: LoadedLora): string {
  const onText = textStrength === undefined ? '' : `, text encoder ${textStrength}`;
  return `${name} at ${strength}${onText}: ${describeLoad(report)}`;
}

async function merge(names: string[], options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping …'));
  const checkpoint = openCheckpoint(basePath(options.base));
  checkRewrite(checkpoint, options.out);
  for (const finding of checkpoint.findings) terminal.note(`${checkpoint.name}: ${finding}`);
  const loras: HashedLora[] = [];
  for (const name of names) {
    const lora = await load(checkpoint, name, options);
    terminal.note(describe(lora));
    loras.push(lora);
  }
  const started = performance.now();
  const merged = await mergeIntoCheckpoint(checkpoint, options.out, loras, {
    ...{ dtype: options.precision, strict: options.strict, signal },
    onProgress: byteProgress(terminal, 'merging'),
  });
  const seconds = (performance.now() - started) / 1000;
  for (const note of merged.notes) terminal.note(note);
  const facts = loras.map(({ name, hash, strength, textStrength = strength, report }) => ({
    ...{ name, hash, strength, textStrength, report },
  }));
  const text = `${options.out}: ${merged.layout}, ${merged.changed} weights changed, ${showBytes(merged.bytes)} in ${showSeconds(seconds)}`;
  terminal.result({ file: options.out, base: checkpoint.name, ...merged, seconds, loras: facts }, text);
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('add LoRAs into the weights of a checkpoint, as a new checkpoint of the same layout')
    .argument('<loras...>', 'file.safetensors:0.8, with :te=0.5 for the text encoder and :lbw=… for blocks')
    .requiredOption('--base <model>', '.safetensors checkpoint or folder in the Diffusers layout')
    .requiredOption('--out <path>', 'the new checkpoint: .safetensors, or a folder when the base is one')
    .option(
      '--precision <type>',
      `type of all weights: ${weightTypeNames}; default: as they are`,
      weightType('--precision'),
    )
    .option('--lora-folder <folder>', 'where LoRAs are looked for by name; more than once', collect, [])
    .option('--strict', 'fail when any tensor of a LoRA is not used', false)
    .option('--json', 'machine-readable result on stdout', false)
    .action(merge);
}
