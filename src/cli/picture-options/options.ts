/** @file The options of everything that draws pictures. */
import type { Command } from 'commander';
import {
  emphasisRules,
  maskedContents,
  noiseSources,
  presetNames,
  resizeModes,
} from '../../generation/index.ts';
import { collect, integerOption, numberOption, sizeOption } from '../numbers.ts';
import {
  amountOption,
  fileOption,
  hiresOption,
  oneOf,
  pixelsOption,
  rangeOption,
  seedOption,
  shareOption,
} from './values.ts';

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
