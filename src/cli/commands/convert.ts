/** @file `lora convert`: a LoRA in the names of another program. */
import { Command } from 'commander';
import type { FloatDType } from '../../files/index.ts';
import { convertLora, type WrittenDialect } from '../../lora/index.ts';
import type { Family } from '../../models/index.ts';
import { choiceOption } from '../numbers.ts';
import { openTerminal, showBytes } from '../terminal.ts';

interface Options {
  to: WrittenDialect;
  out: string;
  precision?: FloatDType;
  family?: Family;
  allowNonfinite: boolean;
  json: boolean;
}

const dialects: Readonly<Record<string, WrittenDialect>> = {
  kohya: 'kohya',
  diffusers: 'diffusers',
  peft: 'peft',
};
const precisions: Readonly<Record<string, FloatDType>> = {
  fp32: 'float32',
  fp16: 'float16',
  bf16: 'bfloat16',
};
const families: Readonly<Record<string, Family>> = { sd15: 'sd15', sd2: 'sd2', sdxl: 'sdxl' };

async function run(path: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { to, out, precision: dtype, family, allowNonfinite } = options;
  const converted = await convertLora(path, out, { to, dtype, family, allowNonfinite });
  for (const note of converted.notes) terminal.note(note);
  const { modules, bytes } = converted;
  const text = `${out}: ${modules} modules in ${converted.dtype}, ${showBytes(bytes)}`;
  terminal.result({ out, to, ...converted }, text);
}

export function convertCommand(): Command {
  return new Command('convert')
    .description(
      'write a LoRA in the names of kohya, Diffusers or PEFT; checkpoints: lora checkpoint convert',
    )
    .argument('<lora>', '.safetensors file, or folder of PEFT')
    .requiredOption(
      '--to <dialect>',
      'kohya (sd-scripts, A1111, ComfyUI), diffusers or peft',
      choiceOption('--to', dialects, 'kohya, diffusers or peft'),
    )
    .requiredOption('--out <path>', 'a .safetensors file; for peft a folder')
    .option(
      '--precision <type>',
      'fp32, fp16 or bf16; default: as it is',
      choiceOption('--precision', precisions, 'fp32, fp16 or bf16'),
    )
    .option(
      '--family <family>',
      'sd15, sd2 or sdxl, where the tensors do not tell',
      choiceOption('--family', families, 'sd15, sd2 or sdxl'),
    )
    .option('--allow-nonfinite', 'convert NaN and infinity as they are', false)
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
