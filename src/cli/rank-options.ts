/** @file Options of commands that write a LoRA of other ranks: which rank, which type, and where to. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import type { FloatDType } from '../files/index.ts';
import { type RankRule, type RankRuleName, showRanks } from '../lora/index.ts';
import { keptSummary } from '../workbench/index.ts';
import { choiceOption, integerOption, numberOption } from './numbers.ts';
import { floatTypes } from './writing.ts';

export { keptSummary, openThinProducts, typeOfFiles } from '../workbench/index.ts';

export interface LoraOutOptions {
  readonly out: string;
  readonly precision?: FloatDType;
  readonly json: boolean;
}

export interface RankOptions {
  readonly rank?: number;
  readonly keep?: number;
  readonly svRatio?: number;
  readonly svFro?: number;
  readonly svCumulative?: number;
  readonly maxRank?: number;
  readonly convRank?: number;
}

/** Adds --out, --precision and --json. */
export function withLoraOut(command: Command, usual: string): Command {
  return command
    .requiredOption('--out <file>', 'the new LoRA, a .safetensors file')
    .option(
      '--precision <type>',
      `fp32, fp16 or bf16; default: ${usual}`,
      choiceOption('--precision', floatTypes, 'fp32, fp16 or bf16'),
    )
    .option('--json', 'machine-readable result on stdout', false);
}

const ruleOptions: readonly (readonly [RankRuleName, keyof RankOptions])[] = [
  ['rank', 'rank'],
  ['keep', 'keep'],
  ['sv-ratio', 'svRatio'],
  ['sv-fro', 'svFro'],
  ['sv-cumulative', 'svCumulative'],
];

const ruleHelp: Readonly<Record<RankRuleName, readonly [takes: string, meaning: string]>> = {
  rank: ['n', 'the same rank everywhere'],
  keep: ['part', 'the ranks that keep this part of the energy ‖ΔW‖², such as 0.95'],
  'sv-ratio': ['x', 'singular values above the largest divided by x'],
  'sv-fro': ['part', 'the ranks that keep this part of the norm ‖ΔW‖'],
  'sv-cumulative': ['part', 'the ranks that keep this part of the sum of singular values'],
};

/** Adds the options of these rules, and the limits of ranks. */
export function withRanks(command: Command, rules: readonly RankRuleName[]): Command {
  for (const rule of rules) {
    const [takes, meaning] = ruleHelp[rule];
    const parse = rule === 'rank' ? integerOption(`--${rule}`) : numberOption(`--${rule}`);
    command.option(`--${rule} <${takes}>`, meaning, parse);
  }
  return command
    .option('--max-rank <n>', 'upper limit where the rank is found', integerOption('--max-rank'))
    .option('--conv-rank <n>', 'rank (or limit) of 3×3 convolutions', integerOption('--conv-rank'));
}

/** The one rule that was given; undefined for none. Throws RANK_RULE for several. */
export function rankRule(options: RankOptions): RankRule | undefined {
  const given = ruleOptions.filter(([, option]) => options[option] !== undefined);
  const names = given.map(([name]) => `--${name}`).join(' and ');
  if (given.length > 1) throw usageError('RANK_RULE', `${names} are two rules`, 'Give one of them.');
  const { maxRank, convRank } = options;
  const [first] = given;
  if (first?.[0] === 'rank' && maxRank !== undefined)
    throw usageError('RANK_RULE', '--max-rank is for rules that find the rank; --rank gives it');
  return first && { by: first[0], value: options[first[1]] as number, maxRank, convRank };
}

/** Throws for a name that cannot be written to, before any work is done. */
export function checkLoraOut(out: string, inputs: readonly string[] = []): void {
  if (!out.toLowerCase().endsWith('.safetensors'))
    throw usageError('OUT_NOT_SAFETENSORS', `--out ${out} must end in .safetensors`);
  if (inputs.some(path => resolve(path) === resolve(out)))
    throw usageError('OUT_EXISTS', `--out ${out} is an input`, 'Choose another --out.');
  if (existsSync(out))
    throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another --out, or move the file away.');
}

interface Kept {
  readonly before?: number;
  readonly after: number;
  readonly kept: number;
}

const share = (x: number): string => `${(100 * x).toFixed(2)} %`;

/** `rank 16 → 8; energy kept: median 87.10 %, least 71.95 %` */
export function showKept(modules: readonly Kept[]): string {
  const ranked = modules.filter(({ after }) => after > 0);
  if (ranked.length === 0) return 'nothing with a rank';
  const { least, median } = keptSummary(ranked);
  const before = ranked.flatMap(module => (module.before === undefined ? [] : [module.before]));
  const from = before.length > 0 ? `${showRanks(before)} → ` : '';
  const ranks = `rank ${from}${showRanks(ranked.map(({ after }) => after))}`;
  return `${ranks}; energy kept: median ${share(median)}, least ${share(least)}`;
}
