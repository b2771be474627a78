/** @file The options of `lora train` that are fields of a recipe, as a table. */
import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import type { GivenRecipe, Override } from '../training/index.ts';
import { choiceOption, integerOption, numberOption, sizeOption } from './numbers.ts';

type Field = keyof GivenRecipe;

interface Row {
  readonly flags: string;
  readonly field: Field;
  readonly help: string;
  /** From what was typed to the field's value; text stays text without it. `before` is what the option had so far. */
  readonly parse?: (text: string, before: unknown) => unknown;
}

/** The long name of an option: `--rank <r>` → `--rank`. */
const nameOf = (flags: string): string => flags.split(' ')[0];

const text = (field: Field, flags: string, help: string): Row => ({ flags, field, help });
const integer = (field: Field, flags: string, help: string): Row => ({
  ...{ flags, field, help },
  parse: integerOption(nameOf(flags)),
});
const number = (field: Field, flags: string, help: string): Row => ({
  ...{ flags, field, help },
  parse: numberOption(nameOf(flags)),
});
function choice(field: Field, flags: string, choices: Readonly<Record<string, unknown>>, help: string): Row {
  const names = Object.keys(choices);
  const give = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return { flags, field, help, parse: choiceOption(nameOf(flags), choices, give) };
}
const same = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map(name => [name, name]));

/** `5e-5`, or `5e-5,1e-5` for two text encoders. */
function ratesOption(written: string): number | number[] {
  const rates = written.split(',').map(part => numberOption('--text-lr')(part.trim()));
  return rates.length === 1 ? rates[0] : rates;
}

const settings: Readonly<Record<string, { field: keyof Override; parse: (text: string) => unknown }>> = {
  rank: { field: 'rank', parse: integerOption('--set rank') },
  alpha: { field: 'alpha', parse: numberOption('--set alpha') },
  lr: { field: 'learningRate', parse: numberOption('--set lr') },
  kind: { field: 'kind', parse: kind => kind },
};

/** `attention&block:mid: rank=8, lr=1e-5` */
function overrideOption(written: string, before: unknown): Override[] {
  const [, match, list] = /^(.+):((?:\s*\w+\s*=[^,=]*,?)+)$/s.exec(written) ?? [];
  if (match === undefined) {
    const hint = 'Write "block:mid: rank=8" or "*.to_k, *.to_q: rank=4, alpha=2, lr=5e-5, kind=lokr".';
    throw usageError('OPTION_INVALID', `--set ${written} is not "layers: name=value"`, hint);
  }
  const values = list.split(',').map(part => {
    const [name, value] = part.split('=').map(word => word.trim());
    if (Object.hasOwn(settings, name)) return [settings[name].field, settings[name].parse(value)];
    const known = Object.keys(settings).join(', ');
    throw usageError(
      'OPTION_INVALID',
      `--set ${written}: there is no ${name || 'empty setting'}; give ${known}`,
    );
  });
  const override = { match: match.trim(), ...Object.fromEntries(values) } as Override;
  return [...((before as Override[] | undefined) ?? []), override];
}

const trained: readonly Row[] = [
  text(
    'targets',
    '--targets <which>',
    'layers of the UNet: attention, attention+ff, linear, conv, block:mid, block:down.1, block:IN04, globs like *.attn2.to_k, /patterns/; several with commas, "a&b" for what is in both, "!a" to leave out; none',
  ),
  choice(
    'kind',
    '--kind <kind>',
    same('lora', 'loha', 'lokr'),
    'lora (works everywhere), loha (more rank for the same size), lokr (smallest files)',
  ),
  integer('rank', '--rank <r>', 'how much a layer can learn; the file grows with it'),
  number('alpha', '--alpha <a>', 'scale is alpha / rank; default: the rank'),
  integer('convRank', '--conv-rank <r>', 'rank of 3×3 convolutions; default: --rank'),
  number('convAlpha', '--conv-alpha <a>', 'alpha of 3×3 convolutions'),
  text(
    'textTargets',
    '--text-targets <which>',
    'train the text encoder(s) too: attention, attention+mlp, or as --targets',
  ),
  integer('textRank', '--text-rank <r>', 'rank in the text encoder(s); default: --rank'),
  number('textAlpha', '--text-alpha <a>', 'alpha in the text encoder(s)'),
  {
    ...{ flags: '--text-lr <x>', field: 'textLearningRate' },
    help: 'learning rate of the text encoder(s), for SDXL also two: 5e-5,1e-5; default: --lr',
    parse: ratesOption,
  },
  {
    ...{ flags: '--set <layers: …>', field: 'overrides' },
    help: 'an exception: "block:mid: rank=8, alpha=4, lr=1e-5, kind=lokr"; may be repeated, later ones win',
    parse: overrideOption,
  },
  text(
    'blockRates',
    '--block-lr <list>',
    'factors of the rate by block, as kohya: 25 (SDXL 23), or down/mid/up such as cosine/1/zeros+0.5',
  ),
  text('blockRanks', '--block-rank <list>', 'ranks by block; 0 leaves a block out'),
  text('blockAlphas', '--block-alpha <list>', 'alphas by block'),
];

const manner: readonly Row[] = [
  {
    ...{ flags: '--dora [axis]', field: 'dora' },
    help: 'train sizes of weights apart from directions (DoRA): output, or input as OneTrainer',
    parse: choiceOption('--dora', same('output', 'input'), 'output or input'),
  },
  { flags: '--rslora', field: 'rsLora', help: 'scale is alpha / √rank, steadier at high ranks' },
  {
    flags: '--tucker',
    field: 'tucker',
    help: '3×3 convolutions as three small ones (Tucker): smaller files',
  },
  integer('factor', '--factor <n>', 'lokr: size of the small matrix; -1: as square as possible'),
  { flags: '--decompose-both', field: 'decomposeBoth', help: 'lokr: the small matrix is a product too' },
  { flags: '--full-matrix', field: 'fullMatrix', help: 'lokr: no product at all, rank has no effect' },
  choice(
    'init',
    '--init <name>',
    same('kaiming', 'gaussian', 'orthogonal', 'pissa'),
    'start of lora: kaiming, gaussian, orthogonal, or pissa (from the base; the file has twice the rank)',
  ),
  number('dropout', '--dropout <p>', 'share of values left out in every step, against learning by heart'),
  number('rankDropout', '--rank-dropout <p>', 'share of ranks left out'),
  number('moduleDropout', '--module-dropout <p>', 'share of layers left out'),
  number(
    'scaleWeightNorms',
    '--scale-weight-norms <x>',
    'largest norm of a layer’s change; 1 is usual, 0 is off',
  ),
  number('loraPlusRatio', '--loraplus <ratio>', 'B learns this much faster than A (LoRA+); 16 is usual'),
  number('unetLoraPlusRatio', '--loraplus-unet <ratio>', 'the same for the UNet only'),
  number('textLoraPlusRatio', '--loraplus-text <ratio>', 'the same for the text encoder(s) only'),
];

const course: readonly Row[] = [
  integer('steps', '--steps <n>', 'updates of A and B'),
  number('learningRate', '--lr <x>', 'learning rate'),
  text('schedule', '--schedule <name>', 'constant, cosine or linear'),
  integer('warmupSteps', '--warmup <n>', 'steps of rising learning rate'),
  integer('batch', '--batch <n>', 'pictures a step'),
  integer('accumulate', '--accumulate <n>', 'micro-steps a step'),
  {
    ...{ flags: '--resolution <size>', field: 'resolution' },
    help: 'N or WxH; pictures go to buckets of about this area',
    parse: sizeOption('--resolution'),
  },
  text('caption', '--caption <text>', 'for pictures without a caption file'),
  text('trigger', '--trigger <word>', 'put in front of captions that lack it'),
  integer('seed', '--seed <n>', 'the same seed and data give the same file'),
  integer('saveEvery', '--save-every <n>', 'also save every n steps'),
  { flags: '--flip', field: 'flip', help: 'mirror pictures half of the time' },
  number('captionDropout', '--caption-dropout <p>', 'share of samples without caption'),
  number('minSnrGamma', '--min-snr <gamma>', 'min-SNR weighting; 0 = off'),
  text('precision', '--precision <type>', 'of the file: float32, float16 or bfloat16'),
  {
    ...{ flags: '--recompute [which]', field: 'recompute' },
    help: 'less memory, more time: make activations again in backward, all or those at the finest resolution',
    parse: choiceOption('--recompute', { all: true, finest: 'finest' }, 'all or finest'),
  },
  text('baseWeights', '--base-weights <form>', 'file, or rounded to save memory: float16 or int8'),
];

const groups: readonly (readonly [heading: string, rows: readonly Row[]])[] = [
  ['What is trained:', trained],
  ['How its weights are made:', manner],
  ['The run:', course],
];

function optionOf({ flags, help, parse }: Row, heading: string): Option {
  const option = new Option(flags, help).helpGroup(heading);
  return parse ? option.argParser(parse) : option;
}

/** Adds the recipe's options to a command. */
export function withRecipe(command: Command): Command {
  for (const [heading, rows] of groups) for (const row of rows) command.addOption(optionOf(row, heading));
  return command;
}

/** The fields that were given as options; `--dora` and `--recompute` alone are true. */
export function recipeOf(options: Readonly<Record<string, unknown>>): GivenRecipe {
  const fields = groups
    .flatMap(([, rows]) => rows)
    .map(({ flags, field }) => {
      return [field, options[new Option(flags).attributeName()]] as const;
    });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}
