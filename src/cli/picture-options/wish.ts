/** @file What the options ask for. */
import { basename } from 'node:path';
import { type PictureWish, parseLoraOption } from '../../generation/index.ts';
import type { PartOptions } from '../base.ts';
import type { PictureFolders } from './folders.ts';
import type { PictureOptions } from './options.ts';
import { checkTogether } from './partners.ts';
import { randomSeed } from './values.ts';

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

/** What the base was opened with in place of its own: names only, for paths are of this machine. */
export function partNames({
  vae,
  textEncoder = [],
  tokenizer,
  prediction,
}: Partial<PartOptions>): PictureWish['parts'] {
  const names = {
    ...(vae === undefined ? {} : { vae: basename(vae) }),
    ...(textEncoder.length === 0 ? {} : { textEncoders: textEncoder.map(path => basename(path)) }),
    ...(tokenizer === undefined ? {} : { tokenizer: basename(tokenizer) }),
    ...(prediction === undefined ? {} : { prediction }),
  };
  return Object.keys(names).length > 0 ? names : undefined;
}

/** What the options ask for. Throws OPTION_NEEDS for those that would do nothing. */
export function wishOf(
  prompt: string,
  options: PictureOptions & Partial<PartOptions>,
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
    ...{ hires: hiresOf(options), parts: partNames(options) },
    baseWeights: options.baseWeights === 'file' ? undefined : options.baseWeights,
    tiledVae: options.tiledVae || undefined,
  };
}
