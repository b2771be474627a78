/** @file The options of everything that draws pictures, and the wish that they make. */
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import {
  emphasisRules,
  type LoraFolders,
  maskedContents,
  noiseSources,
  openEmbeddings,
  openLoraFolders,
  openWildcards,
  type PictureWish,
  parseLoraOption,
  presetNames,
  resizeModes,
} from '../generation/index.ts';
import { choiceOption, collect, integerOption, numberOption, sizeOption } from './numbers.ts';

type Size = { width: number; height: number };
type Choice<Names extends readonly string[]> = Names[number];

export interface PictureOptions {
  lora: string[];
  loraFolder: string[];
  embeddingFolder: string[];
  wildcardFolder: string[];
  merge: boolean;
  negative: string;
  preset: Choice<typeof presetNames>;
  noise?: Choice<typeof noiseSources>;
  emphasis?: Choice<typeof emphasisRules>;
  clipSkip?: number;
  sampler: string;
  scheduler?: string;
  eta?: number;
  samplerNoise?: number;
  churn?: number;
  churnRange?: [number, number];
  steps: number;
  guidance: number;
  guidanceRescale: number;
  size?: Size;
  seed?: bigint;
  variationSeed?: bigint;
  variationStrength?: number;
  noiseSize?: Size;
  init?: string;
  strength?: number;
  resize: Choice<typeof resizeModes>;
  mask?: string;
  maskBlur: number;
  maskInvert: boolean;
  maskContent: Choice<typeof maskedContents>;
  maskOnly: boolean;
  maskPadding: number;
  hires?: number;
  hiresSize?: Size;
  hiresUpscaler: string;
  hiresSteps?: number;
  hiresStrength: number;
  hiresSampler?: string;
  hiresScheduler?: string;
  hiresGuidance?: number;
  hiresPrompt?: string;
  hiresNegative?: string;
}

/** A whole number of up to 64 bits, which a JavaScript number does not hold; −1 is a random seed, as in A1111. */
const seedOption =
  (name: string) =>
  (text: string): bigint | undefined => {
    if (text === '-1') return undefined;
    if (/^\d+$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
    throw usageError('SEED_INVALID', `${name} ${text} is not a whole number from 0 to 2⁶⁴ − 1`);
  };

const shareOption =
  (name: string) =>
  (text: string): number => {
    const value = numberOption(name)(text);
    if (value >= 0 && value <= 1) return value;
    throw usageError('STRENGTH_INVALID', `${name} ${text}: give a number from 0 to 1`);
  };

/** A number of at least 0. */
const amountOption =
  (name: string) =>
  (text: string): number => {
    const value = numberOption(name)(text);
    if (value >= 0) return value;
    throw usageError('OPTION_INVALID', `${name} ${text}: give a number of at least 0`);
  };

function rangeOption(text: string): [number, number] {
  const match = /^([\d.]+)-([\d.]+|inf)$/.exec(text);
  const [from, to] = [Number(match?.[1]), match?.[2] === 'inf' ? Number.MAX_VALUE : Number(match?.[2])];
  if (from >= 0 && to > from) return [from, to];
  throw usageError('OPTION_INVALID', `--churn-range ${text}: give two sigmas, e.g. 0.05-50`);
}

const oneOf = <Name extends string>(option: string, names: readonly Name[]) =>
  choiceOption(
    option,
    Object.fromEntries(names.map(name => [name, name])) as Record<string, Name>,
    names.join(', '),
  );

/** Adds the options that decide how a picture looks. */
export function withPictureOptions(command: Command): Command {
  return command
    .option(
      '--lora <file[:strength]>',
      'LoRA file, may be given again; file:0.8:te=0.5:lbw=OUTALL:start=5 sets text encoder, blocks and steps',
      collect,
      [],
    )
    .option(
      '--lora-folder <folder>',
      'where <lora:name> is looked for besides here; may be given again',
      collect,
      [],
    )
    .option('--embedding-folder <folder>', 'textual inversions; may be given again', collect, [])
    .option('--wildcard-folder <folder>', 'files of __wildcards__; may be given again', collect, [])
    .option('--merge', 'add the LoRAs into the weights instead of attaching them', false)
    .option('--negative <text>', 'what to avoid', '')
    .option(
      '--preset <name>',
      `draw as another program does with the same prompt and seed: ${presetNames.join(', ')}`,
      oneOf('--preset', presetNames),
      'lora',
    )
    .option('--sampler <name>', 'DDIM, Euler a, "DPM++ 2M Karras" …; all are in docs/samplers.md', 'DDIM')
    .option('--scheduler <name>', 'Automatic, Karras, Exponential, SGM Uniform, Beta, AYS …')
    .option('--steps <n>', 'sampling steps', integerOption('--steps'), 20)
    .option('--guidance <g>', 'classifier-free guidance scale; 1 = none', numberOption('--guidance'), 4.5)
    .option(
      '--guidance-rescale <share>',
      'against overexposure by high guidance',
      shareOption('--guidance-rescale'),
      0,
    )
    .option('--size <WxH>', 'picture size; default: what the checkpoint was made for', sizeOption('--size'))
    .option('--seed <n>', 'picture i uses seed + i; default: random', seedOption('--seed'))
    .option(
      '--variation-seed <n>',
      'another seed that the noise is turned towards',
      seedOption('--variation-seed'),
    )
    .option('--variation-strength <share>', 'how far', shareOption('--variation-strength'))
    .option(
      '--noise-size <WxH>',
      'the noise of a picture of this size, set into the middle',
      sizeOption('--noise-size'),
    )
    .option(
      '--noise <source>',
      'cpu (PyTorch) or philox (a GPU); default: the preset’s',
      oneOf('--noise', noiseSources),
    )
    .option(
      '--emphasis <rule>',
      `(word:1.2) as ${emphasisRules.join(', ')}`,
      oneOf('--emphasis', emphasisRules),
    )
    .option(
      '--clip-skip <n>',
      'layers of the text encoder to leave out, as the preset counts',
      integerOption('--clip-skip'),
    )
    .option('--eta <n>', 'noise of ancestral and stochastic samplers', amountOption('--eta'))
    .option(
      '--sampler-noise <n>',
      'factor of the noise within steps (s_noise)',
      amountOption('--sampler-noise'),
    )
    .option(
      '--churn <n>',
      'noise before each step of Euler, Heun and DPM2 (s_churn)',
      amountOption('--churn'),
    )
    .option('--churn-range <from-to>', 'sigmas in which there is churn', rangeOption)
    .option('--init <picture>', 'start from a picture')
    .option(
      '--strength <share>',
      'how much of it is drawn anew (denoising strength); default 0.75',
      shareOption('--strength'),
    )
    .option(
      '--resize <mode>',
      'a picture of another shape: crop, fill or stretch',
      oneOf('--resize', resizeModes),
      'crop',
    )
    .option('--mask <picture>', 'draw only what is white in it (or transparent)')
    .option('--mask-blur <px>', 'soften its edge', amountOption('--mask-blur'), 4)
    .option('--mask-invert', 'draw what is black in it', false)
    .option(
      '--mask-content <what>',
      `start there from ${maskedContents.join(', ')}`,
      oneOf('--mask-content', maskedContents),
      'original',
    )
    .option('--mask-only', 'draw the surroundings of the mask in the full size and put them back', false)
    .option('--mask-padding <px>', 'how much of the surroundings', integerOption('--mask-padding'), 32)
    .option('--hires <factor>', 'draw again, larger by this factor', amountOption('--hires'))
    .option('--hires-size <WxH>', 'draw again in this size', sizeOption('--hires-size'))
    .option('--hires-upscaler <name>', 'Latent, Latent (nearest-exact), Lanczos …', 'Latent')
    .option('--hires-steps <n>', 'default: as many as the first', integerOption('--hires-steps'))
    .option('--hires-strength <share>', 'how much is drawn anew', shareOption('--hires-strength'), 0.7)
    .option('--hires-sampler <name>', 'default: as the first')
    .option('--hires-scheduler <name>', 'default: as the first')
    .option('--hires-guidance <g>', 'default: as the first', numberOption('--hires-guidance'))
    .option('--hires-prompt <text>', 'default: as the first')
    .option('--hires-negative <text>', 'default: as the first');
}

/** Folders that the options name, each listed once. */
export interface PictureFolders {
  readonly loras: LoraFolders;
  readonly embeddings: ReturnType<typeof openEmbeddings>;
  readonly wildcards: ReturnType<typeof openWildcards>;
}

export function openPictureFolders(
  options: Pick<PictureOptions, 'loraFolder' | 'embeddingFolder' | 'wildcardFolder'>,
): PictureFolders {
  return {
    loras: openLoraFolders(['.', ...options.loraFolder]),
    embeddings: openEmbeddings(options.embeddingFolder),
    wildcards: openWildcards(options.wildcardFolder),
  };
}

/** Options that do nothing without another one are mistakes. */
function checkTogether(options: PictureOptions): void {
  const needs = (has: boolean, option: string, other: string): void => {
    if (has) throw usageError('OPTION_NEEDS', `${option} has no effect without ${other}`);
  };
  const { init, mask, hires, hiresSize, variationSeed, variationStrength, churn } = options;
  needs(options.strength !== undefined && !init, '--strength', '--init');
  needs(mask !== undefined && !init, '--mask', '--init');
  needs(options.maskOnly && !mask, '--mask-only', '--mask');
  needs(options.maskInvert && !mask, '--mask-invert', '--mask');
  needs(variationSeed !== undefined && !variationStrength, '--variation-seed', '--variation-strength');
  needs(options.churnRange !== undefined && !churn, '--churn-range', '--churn');
  if (hires !== undefined && hiresSize)
    throw usageError('HIRES_SIZE_INVALID', '--hires and --hires-size both say a size: give one');
  const second = [options.hiresSteps, options.hiresSampler, options.hiresScheduler, options.hiresGuidance];
  const texts = [options.hiresPrompt, options.hiresNegative];
  const hasSecond = [...second, ...texts].some(value => value !== undefined);
  needs(hasSecond && hires === undefined && !hiresSize, '--hires-…', '--hires or --hires-size');
}

const randomSeed = (): bigint => BigInt(Math.floor(Math.random() * 2 ** 32));

function samplerOptionsOf({
  eta,
  samplerNoise,
  churn,
  churnRange,
}: PictureOptions): PictureWish['samplerOptions'] {
  const given = {
    ...(eta === undefined ? {} : { eta }),
    ...(samplerNoise === undefined ? {} : { noise: samplerNoise }),
    ...(churn === undefined ? {} : { churn }),
    ...(churnRange === undefined ? {} : { churnFrom: churnRange[0], churnTo: churnRange[1] }),
  };
  return Object.keys(given).length > 0 ? given : undefined;
}

function hiresOf(options: PictureOptions): PictureWish['hires'] {
  const { hires, hiresSize } = options;
  if (hires === undefined && !hiresSize) return undefined;
  return {
    ...{ scale: hires, toWidth: hiresSize?.width, toHeight: hiresSize?.height },
    ...{ upscaler: options.hiresUpscaler, steps: options.hiresSteps, strength: options.hiresStrength },
    ...{ sampler: options.hiresSampler, scheduler: options.hiresScheduler, guidance: options.hiresGuidance },
    ...{ prompt: options.hiresPrompt, negativePrompt: options.hiresNegative },
  };
}

/** What the options ask for. Throws OPTION_NEEDS for those that would do nothing. */
export function wishOf(
  prompt: string,
  options: PictureOptions,
  count: number,
  { loras }: Pick<PictureFolders, 'loras'>,
): PictureWish {
  checkTogether(options);
  const { init, mask, variationStrength } = options;
  return {
    ...{ prompt, negativePrompt: options.negative, count, merge: options.merge },
    loras: options.lora.map(text => parseLoraOption(text, loras, { steps: true })),
    seed: options.seed ?? randomSeed(),
    variation: variationStrength
      ? { seed: options.variationSeed ?? randomSeed(), strength: variationStrength }
      : undefined,
    ...{ noiseSize: options.noiseSize, preset: options.preset, noise: options.noise },
    ...{ emphasis: options.emphasis, clipSkip: options.clipSkip },
    ...{ sampler: options.sampler, scheduler: options.scheduler, samplerOptions: samplerOptionsOf(options) },
    ...{ steps: options.steps, guidance: options.guidance, guidanceRescale: options.guidanceRescale },
    size: options.size,
    init:
      init === undefined
        ? undefined
        : { path: init, strength: options.strength ?? 0.75, resize: options.resize },
    inpaint:
      mask === undefined
        ? undefined
        : {
            ...{ path: mask, blur: options.maskBlur, invert: options.maskInvert },
            ...{ content: options.maskContent, padding: options.maskPadding },
            area: options.maskOnly ? 'masked' : 'whole',
          },
    hires: hiresOf(options),
  };
}
