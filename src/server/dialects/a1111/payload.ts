/** @file A1111's fields as picture jobs of ours. */
import { resolveSampler, samplerRow } from '../../../diffusion/index.ts';
import { LoraError, usageError } from '../../../errors.ts';
import { maskedContents, type resizeModes } from '../../../generation/index.ts';
import { type GeneratePayload, parsePayload } from '../../../jobs/index.ts';
import {
  type Asked,
  type Img2Img,
  img2imgDefaults,
  isFromPicture,
  notApplied,
  type Txt2Img,
  txt2imgDefaults,
} from './fields.ts';
import { refuseScripts } from './scripts.ts';
import { chosenSeed, seedPlus } from './seeds.ts';
import type { UsedSettings } from './used-settings.ts';

export interface GivenPictures {
  /** Ids of uploads. */
  readonly inits?: readonly string[];
  readonly mask?: string | undefined;
}

export interface DialectJobs {
  /** One, or one a picture where there are several to start from. */
  readonly payloads: readonly GeneratePayload[];
  readonly batchSize: number;
  readonly notApplied: readonly string[];
}

type Payload = Record<string, unknown>;

const positive = (value: number | null | undefined): value is number =>
  typeof value === 'number' && value > 0;

/** Just resize, crop and resize, resize and fill; A1111's fourth resizes the latent, which is nearest to the first. */
const resizes: readonly (typeof resizeModes)[number][] = ['stretch', 'crop', 'fill', 'stretch'];

/** A1111 leaves out what is over a multiple of 8. */
const snapped = (side: number): number => (Number.isInteger(side) && side > 8 ? side - (side % 8) : side);

/** Numbers that the sampler reads; clients send A1111's defaults for all of them. */
function samplerOptionsOf(asked: Asked, sampler: string, scheduler: string | undefined): Payload | undefined {
  const { options } = samplerRow(resolveSampler(sampler, scheduler).sampler);
  const { eta, s_churn, s_tmin, s_tmax, s_noise } = asked;
  const out: Payload = {};
  if (options.includes('eta') && typeof eta === 'number' && eta >= 0) out.eta = eta;
  if (options.includes('noise') && typeof s_noise === 'number' && s_noise !== 1) out.noise = s_noise;
  if (options.includes('churn') && positive(s_churn)) {
    out.churn = s_churn;
    if (positive(s_tmin)) out.churnFrom = s_tmin;
    if (positive(s_tmax)) out.churnTo = s_tmax;
  }
  return Object.keys(out).length > 0 ? out : undefined;
}

/** Of the first pass, and where hires fix is to end where the request says it the way A1111 once had it. */
function sizesOf(asked: Asked): { width: number; height: number; end?: Payload } {
  const { width, height } = txt2imgDefaults;
  const size = { width: snapped(asked.width ?? width), height: snapped(asked.height ?? height) };
  if (isFromPicture(asked) || !asked.enable_hr) return size;
  const { firstphase_width: w, firstphase_height: h } = asked;
  if (!positive(w) || !positive(h)) return size;
  return { width: snapped(w), height: snapped(h), end: { toWidth: size.width, toHeight: size.height } };
}

function hiresOf(asked: Txt2Img, end: Payload | undefined): Payload | undefined {
  if (!asked.enable_hr) return undefined;
  const same = (name: string | null | undefined, label: string): string | undefined =>
    !name || name === label ? undefined : name;
  const { hr_resize_x: x, hr_resize_y: y } = asked;
  const to = { ...(positive(x) ? { toWidth: x } : {}), ...(positive(y) ? { toHeight: y } : {}) };
  const isSized = Object.keys(to).length > 0;
  return {
    ...(isSized ? to : (end ?? { scale: asked.hr_scale ?? txt2imgDefaults.hr_scale })),
    upscaler: asked.hr_upscaler || txt2imgDefaults.hr_upscaler,
    ...(positive(asked.hr_second_pass_steps) ? { steps: asked.hr_second_pass_steps } : {}),
    strength: asked.denoising_strength ?? txt2imgDefaults.denoising_strength,
    sampler: same(asked.hr_sampler_name, 'Use same sampler'),
    scheduler: same(asked.hr_scheduler, 'Use same scheduler'),
    ...(positive(asked.hr_cfg) ? { guidance: asked.hr_cfg } : {}),
    prompt: asked.hr_prompt || undefined,
    negativePrompt: asked.hr_negative_prompt || undefined,
  };
}

function startOf(asked: Img2Img, init: string, mask: string | undefined): Payload {
  const {
    denoising_strength: strength,
    resize_mode,
    mask_blur,
    inpainting_fill,
    inpaint_full_res_padding,
  } = img2imgDefaults;
  const resize = resizes[asked.resize_mode ?? resize_mode];
  if (resize === undefined) {
    const hint = 'There are 0 (just resize), 1 (crop), 2 (fill) and 3 (latent).';
    throw usageError('RESIZE_MODE_INVALID', `resize_mode ${asked.resize_mode} is not known`, hint);
  }
  const start = { init: { picture: init, strength: asked.denoising_strength ?? strength, resize } };
  if (mask === undefined) return start;
  return {
    ...start,
    inpaint: {
      mask,
      blur: asked.mask_blur ?? asked.mask_blur_x ?? mask_blur,
      invert: Boolean(asked.inpainting_mask_invert ?? false),
      content: maskedContents[asked.inpainting_fill ?? inpainting_fill] ?? 'fill',
      area: (asked.inpaint_full_res ?? true) ? 'masked' : 'whole',
      padding: asked.inpaint_full_res_padding ?? inpaint_full_res_padding,
    },
  };
}

/** The sampler by any of A1111's names. Throws SAMPLER_UNKNOWN. */
function samplingOf(asked: Asked): { sampler: string; scheduler: string | undefined } {
  const sampler = asked.sampler_name || asked.sampler_index || txt2imgDefaults.sampler_index;
  const scheduler = asked.scheduler || undefined;
  try {
    resolveSampler(sampler, scheduler);
  } catch (cause) {
    if (!(cause instanceof LoraError)) throw cause;
    throw new LoraError('SAMPLER_UNKNOWN', `Sampler not found: ${cause.message}`, {
      hint: cause.hint ?? '',
      exit: 'usage',
    });
  }
  return { sampler, scheduler };
}

const tags = /<(?:lora|lyco|hypernet):[^>]*>/g;
/** The prompts; without their tags where the request switches LoRAs off. */
function promptsOf(asked: Asked): { prompt: string; negativePrompt: string } {
  const [prompt, negativePrompt] = [asked.prompt ?? '', asked.negative_prompt ?? ''];
  if (!asked.disable_extra_networks) return { prompt, negativePrompt };
  return { prompt: prompt.replace(tags, ''), negativePrompt: negativePrompt.replace(tags, '') };
}

/** What all jobs of a request share. */
function basisOf(asked: Asked, base: string, settings: UsedSettings): Payload {
  const { sampler, scheduler } = samplingOf(asked);
  const { width, height, end } = sizesOf(asked);
  const { seed_resize_from_w: w, seed_resize_from_h: h } = asked;
  return {
    ...{ base, preset: 'a1111', ...promptsOf(asked), ...settings.fields },
    ...{ sampler, samplerOptions: samplerOptionsOf(asked, sampler, scheduler) },
    ...(scheduler === undefined ? {} : { scheduler }),
    ...{
      steps: asked.steps ?? txt2imgDefaults.steps,
      guidance: asked.cfg_scale ?? txt2imgDefaults.cfg_scale,
    },
    ...{ width, height },
    ...(positive(w) && positive(h) ? { noiseSize: { width: w, height: h } } : {}),
    ...(isFromPicture(asked) ? {} : { hires: hiresOf(asked, end) }),
    ...{ keep: asked.save_images === true, previewEvery: 4 },
  };
}

/** A1111's own words for pictures to start from that a batch has no room for. */
function tooMany(count: number, batch: number): LoraError {
  const hint = 'Raise batch_size, or send fewer init_images.';
  return usageError(
    'INIT_TOO_MANY',
    `bad number of images passed: ${count}; expecting ${batch} or less`,
    hint,
  );
}

/** Throws SCRIPT_UNSUPPORTED, SAMPLER_UNKNOWN, INIT_TOO_MANY, PAYLOAD_INVALID for values outside their range. */
export function payloadsOf(
  asked: Asked,
  base: string,
  settings: UsedSettings,
  { inits = [], mask }: GivenPictures = {},
): DialectJobs {
  refuseScripts(asked);
  const basis = basisOf(asked, base, settings);
  const [batch, runs] = [Math.max(1, asked.batch_size ?? 1), Math.max(1, asked.n_iter ?? 1)];
  if (inits.length > Math.max(1, batch)) throw tooMany(inits.length, batch);
  const seed = chosenSeed(asked.seed);
  const strength = asked.subseed_strength;
  const other = positive(strength) ? { seed: chosenSeed(asked.subseed), strength } : undefined;
  const job = (index: number, more: Payload): GeneratePayload =>
    parsePayload(
      'generate',
      // Drops what is undefined: the schema is strict.
      JSON.parse(
        JSON.stringify({
          ...basis,
          // With a variation A1111 keeps the seed and counts the other one on.
          seed: other ? seed : seedPlus(seed, index),
          variation: other && { ...other, seed: seedPlus(other.seed, index) },
          ...more,
        }),
      ),
    );
  const told = notApplied.filter(({ is }) => is(asked)).map(({ what }) => what);
  const found = { notApplied: [...told, ...settings.notApplied] };
  if (inits.length < 2 || !isFromPicture(asked)) {
    const start = isFromPicture(asked) && inits[0] !== undefined ? startOf(asked, inits[0], mask) : {};
    const counts = { count: batch * runs, batch: Math.min(16, batch) };
    return { payloads: [job(0, { ...counts, ...start })], batchSize: batch, ...found };
  }
  // Several pictures are the batch: each is drawn over once a run, with seeds that count on.
  const payloads = Array.from({ length: runs * inits.length }, (_, index) =>
    job(index, startOf(asked, inits[index % inits.length], mask)),
  );
  return { payloads, batchSize: inits.length, ...found };
}
