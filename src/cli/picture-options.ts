/** @file The options of everything that draws pictures, and the wish that they make. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { badInput, usageError } from '../errors.ts';
import { isFolder } from '../files/index.ts';
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
import { type Checkpoint, holdWeights } from '../models/index.ts';
import { choiceOption, collect, integerOption, numberOption, sizeOption } from './numbers.ts';

type Size = { width: number; height: number };
type Choice<Names extends readonly string[]> = Names[number];

export interface PictureOptions {
  lora: string[];
  loraFolder: string[];
  embeddingFolder: string[];
  wildcardFolder: string[];
  merge: boolean;
  baseWeights: 'file' | 'float16' | 'int8';
  tiledVae: boolean;
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
  resize?: Choice<typeof resizeModes>;
  mask?: string;
  maskBlur?: number;
  maskInvert: boolean;
  maskContent?: Choice<typeof maskedContents>;
  maskOnly: boolean;
  maskPadding?: number;
  hires?: number;
  hiresSize?: Size;
  hiresUpscaler?: string;
  hiresSteps?: number;
  hiresStrength?: number;
  hiresSampler?: string;
  hiresScheduler?: string;
  hiresGuidance?: number;
  hiresPrompt?: string;
  hiresNegative?: string;
}

const randomSeed = (): bigint => BigInt(Math.floor(Math.random() * 2 ** 32));

/** A whole number of up to 64 bits, which a JavaScript number does not hold; −1 is a random seed, as in A1111. */
const seedOption =
  (name: string) =>
  (text: string): bigint => {
    if (text === '-1') return randomSeed();
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

/** A whole number of at least 0. */
const pixelsOption =
  (name: string) =>
  (text: string): number => {
    const value = integerOption(name)(text);
    if (value >= 0) return value;
    throw usageError('OPTION_INVALID', `${name} ${text}: give a number of pixels of at least 0`);
  };

/** A second pass that shrinks is none. */
function hiresOption(text: string): number {
  const value = numberOption('--hires')(text);
  if (value >= 1) return value;
  throw usageError('HIRES_SIZE_INVALID', `--hires ${text}: give a factor of at least 1, e.g. 2`);
}

/** A path in a shell variable that is empty would be the current folder, or nothing. */
const fileOption =
  (name: string) =>
  (text: string): string => {
    if (text !== '') return text;
    throw usageError('OPTION_INVALID', `${name} names no file: the text after it is empty`);
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
    .optionsGroup('LoRAs and words of their own:')
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
    .optionsGroup('Picture:')
    .option('--negative <text>', 'what to avoid', '')
    .option('--size <WxH>', 'picture size; default: what the checkpoint was made for', sizeOption('--size'))
    .option('--seed <n>', 'picture i uses seed + i; default: random', seedOption('--seed'))
    .option(
      '--preset <name>',
      `draw as another program does with the same prompt and seed: ${presetNames.join(', ')}`,
      oneOf('--preset', presetNames),
      'lora',
    )
    .optionsGroup('Sampling:')
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
    .option(
      '--emphasis <rule>',
      `(word:1.2) as ${emphasisRules.join(', ')}`,
      oneOf('--emphasis', emphasisRules),
    )
    .option(
      '--clip-skip <n>',
      'which of the last layers of the text encoder is read, as the preset counts: the last is 1, in diffusers 0',
      integerOption('--clip-skip'),
    )
    .optionsGroup('Noise:')
    .option(
      '--noise <source>',
      'cpu (PyTorch) or philox (a GPU); default: the preset’s',
      oneOf('--noise', noiseSources),
    )
    .option(
      '--noise-size <WxH>',
      'the noise of a picture of this size, set into the middle',
      sizeOption('--noise-size'),
    )
    .option('--variation-strength <share>', 'how far to another seed', shareOption('--variation-strength'))
    .option('--variation-seed <n>', 'which seed; default: random', seedOption('--variation-seed'))
    .optionsGroup('Start from a picture:')
    .option('--init <picture>', 'start from a picture', fileOption('--init'))
    .option(
      '--strength <share>',
      'how much of it is drawn anew (denoising strength); default 0.75',
      shareOption('--strength'),
    )
    .option(
      '--resize <mode>',
      'a picture of another shape: crop (default), fill or stretch',
      oneOf('--resize', resizeModes),
    )
    .option(
      '--mask <picture>',
      'draw only what is white in it, or transparent if anything is',
      fileOption('--mask'),
    )
    .option('--mask-blur <px>', 'soften its edge; default 4', amountOption('--mask-blur'))
    .option('--mask-invert', 'draw what is black in it', false)
    .option(
      '--mask-content <what>',
      `start there from ${maskedContents.join(', ')}; default original`,
      oneOf('--mask-content', maskedContents),
    )
    .option('--mask-only', 'draw the surroundings of the mask in the full size and put them back', false)
    .option('--mask-padding <px>', 'how much of the surroundings; default 32', pixelsOption('--mask-padding'))
    .optionsGroup('Second, larger pass (hires fix):')
    .option('--hires <factor>', 'draw again, larger by this factor', hiresOption)
    .option('--hires-size <WxH>', 'draw again in this size', sizeOption('--hires-size'))
    .option('--hires-upscaler <name>', 'Latent (default), Latent (nearest-exact), Lanczos …')
    .option(
      '--hires-strength <share>',
      'how much is drawn anew; default 0.7',
      shareOption('--hires-strength'),
    )
    .option('--hires-steps <n>', 'default: as many as the first', integerOption('--hires-steps'))
    .option('--hires-sampler <name>', 'default: as the first')
    .option('--hires-scheduler <name>', 'default: as the first')
    .option('--hires-guidance <g>', 'default: as the first', numberOption('--hires-guidance'))
    .option('--hires-prompt <text>', 'default: as the first')
    .option('--hires-negative <text>', 'default: as the first')
    .optionsGroup('Memory:')
    .option(
      '--base-weights <form>',
      'how the UNet is held: file, or in less memory float16 or int8',
      oneOf('--base-weights', ['file', 'float16', 'int8'] as const),
      'file',
    )
    .option('--tiled-vae', 'decode in tiles whatever the size, in less memory', false)
    .optionsGroup('');
}

/** Folders that the options name, each listed once. */
export interface PictureFolders {
  readonly loras: LoraFolders;
  readonly embeddings: ReturnType<typeof openEmbeddings>;
  readonly wildcards: ReturnType<typeof openWildcards>;
}

/** A folder with a slip in its name would be looked through in silence, and found empty. */
function checkFolders(option: string, folders: readonly string[]): void {
  for (const folder of folders) {
    if (isFolder(folder)) continue;
    const what = existsSync(folder) ? 'is a file, not a folder' : 'is not there';
    throw badInput('FOLDER_NOT_FOUND', `${option} ${folder} ${what}`, 'Check the path.');
  }
}

/** Throws FOLDER_NOT_FOUND. */
export function openPictureFolders(
  options: Pick<PictureOptions, 'loraFolder' | 'embeddingFolder' | 'wildcardFolder'>,
): PictureFolders {
  checkFolders('--lora-folder', options.loraFolder);
  checkFolders('--embedding-folder', options.embeddingFolder);
  checkFolders('--wildcard-folder', options.wildcardFolder);
  return {
    loras: openLoraFolders(['.', ...options.loraFolder]),
    embeddings: openEmbeddings(options.embeddingFolder),
    wildcards: openWildcards(options.wildcardFolder),
  };
}

/** Options that do nothing unless others are there, by those. */
const partners: readonly {
  readonly needs: string;
  readonly isThere: (options: PictureOptions) => boolean;
  readonly options: readonly (keyof PictureOptions)[];
}[] = [
  { needs: '--init', isThere: ({ init }) => init !== undefined, options: ['strength', 'resize', 'mask'] },
  {
    needs: '--mask',
    isThere: ({ mask }) => mask !== undefined,
    options: ['maskBlur', 'maskInvert', 'maskContent', 'maskOnly', 'maskPadding'],
  },
  { needs: '--mask-only', isThere: ({ maskOnly }) => maskOnly, options: ['maskPadding'] },
  {
    needs: 'a --variation-strength above 0',
    isThere: ({ variationStrength = 0 }) => variationStrength > 0,
    options: ['variationSeed'],
  },
  { needs: 'a --churn above 0', isThere: ({ churn = 0 }) => churn > 0, options: ['churnRange'] },
  {
    needs: '--hires or --hires-size',
    isThere: ({ hires, hiresSize }) => hires !== undefined || hiresSize !== undefined,
    options: [
      ...(['hiresUpscaler', 'hiresStrength', 'hiresSteps', 'hiresSampler', 'hiresScheduler'] as const),
      ...(['hiresGuidance', 'hiresPrompt', 'hiresNegative'] as const),
    ],
  },
];

/** maskBlur → --mask-blur */
const optionName = (key: string): string =>
  `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Options that do nothing without another one are mistakes. */
function checkTogether(options: PictureOptions): void {
  for (const { needs, isThere, options: keys } of partners) {
    if (isThere(options)) continue;
    const alone = keys.find(key => options[key] !== undefined && options[key] !== false);
    if (alone === undefined) continue;
    const name = optionName(alone);
    throw usageError(
      'OPTION_NEEDS',
      `${name} has no effect without ${needs}`,
      `Give ${needs}, or leave ${name} out.`,
    );
  }
  if (options.hires !== undefined && options.hiresSize)
    throw usageError('HIRES_SIZE_INVALID', '--hires and --hires-size both say a size: give one');
}

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
    ...{ upscaler: options.hiresUpscaler ?? 'Latent', steps: options.hiresSteps },
    strength: options.hiresStrength ?? 0.7,
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
        : { path: init, strength: options.strength ?? 0.75, resize: options.resize ?? 'crop' },
    inpaint:
      mask === undefined
        ? undefined
        : {
            ...{ path: mask, blur: options.maskBlur ?? 4, invert: options.maskInvert },
            ...{ content: options.maskContent ?? 'original', padding: options.maskPadding ?? 32 },
            area: options.maskOnly ? 'masked' : 'whole',
          },
    hires: hiresOf(options),
  };
}

/** The checkpoint with its UNet held as the options say. */
export function holdUnet(
  checkpoint: Checkpoint,
  { baseWeights }: Pick<PictureOptions, 'baseWeights'>,
): Checkpoint {
  if (baseWeights === 'file') return checkpoint;
  const weights = holdWeights(checkpoint.unet.weights, baseWeights);
  return { ...checkpoint, unet: { ...checkpoint.unet, weights } };
}
