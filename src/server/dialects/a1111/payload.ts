/** @file A1111's fields as a picture job of ours. */
import { resolveSampler, samplerRow } from '../../../diffusion/index.ts';
import { LoraError, usageError } from '../../../errors.ts';
import { maskedContents, type resizeModes } from '../../../generation/index.ts';
import { type GeneratePayload, parsePayload } from '../../../jobs/index.ts';
import type { Asked, Img2Img, Txt2Img } from './fields.ts';
import { notApplied } from './fields.ts';

export interface GivenPictures {
  /** Ids of uploads. */
  readonly init?: string | undefined;
  readonly mask?: string | undefined;
}

export interface DialectJob {
  readonly payload: GeneratePayload;
  readonly notApplied: readonly string[];
}

type Payload = Record<string, unknown>;

const any = (value: unknown): boolean => value === undefined || value === null || Number(value) < 0;
const positive = (value: number | null | undefined): value is number =>
  typeof value === 'number' && value > 0;

/** Just resize, crop and resize, resize and fill; A1111's fourth resizes the latent, which is nearest to the first. */
const resizes: readonly (typeof resizeModes)[number][] = ['stretch', 'crop', 'fill', 'stretch'];

/** As A1111 names it when it is not there; the codes and statuses are its own. */
function refuseScripts({ script_name, alwayson_scripts }: Asked): void {
  if (script_name) {
    const hint = 'Scripts of A1111 are not run here; leave script_name out.';
    throw usageError('SCRIPT_UNSUPPORTED', `script "${script_name}" not found`, hint);
  }
  const [name] = Object.keys(alwayson_scripts ?? {});
  if (name !== undefined) {
    const hint = 'Extensions of A1111 are not run here; leave alwayson_scripts out.';
    throw usageError('SCRIPT_UNSUPPORTED', `always on script ${name} not found`, hint);
  }
}

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

function hiresOf(asked: Txt2Img): Payload | undefined {
  if (!asked.enable_hr) return undefined;
  const same = (name: string | null | undefined, label: string): string | undefined =>
    !name || name === label ? undefined : name;
  const sized = positive(asked.hr_resize_x) || positive(asked.hr_resize_y);
  return {
    ...(sized
      ? {
          ...(positive(asked.hr_resize_x) ? { toWidth: asked.hr_resize_x } : {}),
          ...(positive(asked.hr_resize_y) ? { toHeight: asked.hr_resize_y } : {}),
        }
      : { scale: asked.hr_scale ?? 2 }),
    upscaler: asked.hr_upscaler || 'Latent',
    ...(positive(asked.hr_second_pass_steps) ? { steps: asked.hr_second_pass_steps } : {}),
    strength: asked.denoising_strength ?? 0.75,
    sampler: same(asked.hr_sampler_name, 'Use same sampler'),
    scheduler: same(asked.hr_scheduler, 'Use same scheduler'),
    ...(positive(asked.hr_cfg) ? { guidance: asked.hr_cfg } : {}),
    prompt: asked.hr_prompt || undefined,
    negativePrompt: asked.hr_negative_prompt || undefined,
  };
}

function startOf(asked: Img2Img, { init, mask }: GivenPictures): Payload {
  if (init === undefined) return {};
  const strength = asked.denoising_strength ?? 0.75;
  const start = { init: { picture: init, strength, resize: resizes[asked.resize_mode ?? 0] ?? 'stretch' } };
  if (mask === undefined) return start;
  return {
    ...start,
    inpaint: {
      mask,
      blur: asked.mask_blur ?? asked.mask_blur_x ?? 4,
      invert: Boolean(asked.inpainting_mask_invert ?? false),
      content: maskedContents[asked.inpainting_fill ?? 0] ?? 'fill',
      area: (asked.inpaint_full_res ?? true) ? 'masked' : 'whole',
      padding: asked.inpaint_full_res_padding ?? 0,
    },
  };
}

/** The sampler by any of A1111's names; its API answers 400 to others. */
export function samplingOf(asked: Asked): { sampler: string; scheduler: string | undefined } {
  const sampler = asked.sampler_name || asked.sampler_index || 'Euler';
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

/** Throws SCRIPT_UNSUPPORTED, SAMPLER_UNKNOWN, PAYLOAD_INVALID for values outside their range. `base` is an id of the library. */
export function payloadOf(asked: Asked, base: string, given: GivenPictures = {}): DialectJob {
  refuseScripts(asked);
  const { sampler, scheduler } = samplingOf(asked);
  const overrides = asked.override_settings ?? {};
  const clipSkip = Number(overrides.CLIP_stop_at_last_layers ?? 1);
  const { seed, subseed, subseed_strength, seed_resize_from_w, seed_resize_from_h } = asked;
  const batch = Math.max(1, asked.batch_size ?? 1);
  const payload = {
    base,
    ...{ prompt: asked.prompt ?? '', negativePrompt: asked.negative_prompt ?? '' },
    ...(any(seed) ? {} : { seed: seed as number | string }),
    count: batch * Math.max(1, asked.n_iter ?? 1),
    ...{ batch: Math.min(16, batch), preset: 'a1111', sampler },
    ...(scheduler === undefined ? {} : { scheduler }),
    samplerOptions: samplerOptionsOf(asked, sampler, scheduler),
    ...{ steps: asked.steps ?? 50, guidance: asked.cfg_scale ?? 7 },
    ...{ width: asked.width ?? 512, height: asked.height ?? 512 },
    ...(clipSkip > 1 ? { clipSkip } : {}),
    ...(positive(subseed_strength)
      ? { variation: { seed: any(subseed) ? -1 : (subseed as number | string), strength: subseed_strength } }
      : {}),
    ...(positive(seed_resize_from_w) && positive(seed_resize_from_h)
      ? { noiseSize: { width: seed_resize_from_w, height: seed_resize_from_h } }
      : {}),
    ...('init_images' in asked ? startOf(asked, given) : { hires: hiresOf(asked as Txt2Img) }),
    ...{ keep: asked.save_images === true, previewEvery: 4 },
  };
  return {
    payload: parsePayload('generate', JSON.parse(JSON.stringify(payload))),
    notApplied: notApplied.filter(({ is }) => is(asked)).map(({ what }) => what),
  };
}
