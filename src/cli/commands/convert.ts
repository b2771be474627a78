/** @file `lora convert`: a LoRA in the names of another program. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import type { FloatDType } from '../../files/index.ts';
import {
  type BakedFacts,
  type BakeOptions,
  convertLora,
  type RankRule,
  type WrittenDialect,
} from '../../lora/index.ts';
import type { Checkpoint, Family } from '../../models/index.ts';
import { basePath, showBytes } from '../../workbench/index.ts';
import { choiceOption } from '../numbers.ts';
import {
  keptSummary,
  openThinProducts,
  type RankOptions,
  rankRule,
  showKept,
  withRanks,
} from '../rank-options.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

interface Options extends RankOptions {
  to: WrittenDialect;
  out: string;
  precision?: FloatDType;
  family?: Family;
  bake: boolean;
  base?: string;
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

/** Enough for nearly all of most changes, and no file larger than those of usual LoRAs of high rank. */
const usualRule: RankRule = { by: 'keep', value: 0.99, maxRank: 128 };

function ruleFor(options: Options): RankRule {
  const { maxRank = usualRule.maxRank, convRank } = options;
  return rankRule(options) ?? { ...usualRule, maxRank, convRank };
}

function checkUnbaked({ bake, base, rank, keep, maxRank, convRank }: Options): void {
  const given = Object.entries({ base, rank, keep, 'max-rank': maxRank, 'conv-rank': convRank });
  const [unused] = given.filter(([, value]) => value !== undefined).map(([name]) => `--${name}`);
  if (!bake && unused) throw usageError('OPTION_INVALID', `${unused} is for --bake`, 'Add --bake.');
}

async function openCheckpointFor(base: string): Promise<Checkpoint> {
  const { openCheckpoint } = await import('../../models/index.ts');
  return openCheckpoint(basePath(base));
}

/** Does `work` with what baking takes; undefined where it is not asked for. */
async function withBaking<Result>(
  options: Options,
  terminal: Terminal,
  work: (bake: BakeOptions | undefined) => Promise<Result>,
): Promise<Result> {
  checkUnbaked(options);
  if (!options.bake) return work(undefined);
  const rule = ruleFor(options);
  const base = options.base === undefined ? undefined : await openCheckpointFor(options.base);
  const onProgress = (done: number, all: number): void => terminal.progress(`baking  ${done}/${all}`);
  const products = openThinProducts();
  return work({ rule, base, products, onProgress }).finally(() => products.release());
}

function describeBaked(baked: readonly BakedFacts[]): string {
  if (baked.length === 0) return '  nothing had to be baked';
  const known = baked.every(({ before }) => before > 0);
  const shown = baked.map(({ before, after, kept }) => ({ ...(known ? { before } : {}), after, kept }));
  return `  baked ${baked.length} modules: ${showKept(shown)}`;
}

async function run(path: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { to, out, precision: dtype, family, allowNonfinite } = options;
  const { baked, ...converted } = await withBaking(options, terminal, bake =>
    convertLora(path, out, { to, dtype, family, allowNonfinite, bake }),
  );
  for (const note of converted.notes) terminal.note(note);
  const { modules, bytes } = converted;
  const text = `${out}: ${modules} modules in ${converted.dtype}, ${showBytes(bytes)}`;
  if (!options.bake) return terminal.result({ out, to, ...converted }, text);
  const kept = baked.length > 0 ? keptSummary(baked) : null;
  terminal.result({ out, to, ...converted, baked, kept }, `${text}\n${describeBaked(baked)}`);
}

export function convertCommand(): Command {
  const command = new Command('convert')
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
    .option(
      '--bake',
      'make plain LoRA of what the dialect has no word for; to kohya of everything. Unless --rank or --keep says otherwise, 0.99 of the energy is kept, with ranks up to 128',
      false,
    )
    .option('--base <model>', 'the base model, to bake DoRA, IA³, GLoRA, OFT and BOFT')
    .option('--allow-nonfinite', 'convert NaN and infinity as they are', false)
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
  return withRanks(command, ['rank', 'keep']);
}
