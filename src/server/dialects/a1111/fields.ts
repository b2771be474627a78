/**
 * @file What clients of A1111's API send: every field may be absent or null, unknown ones are passed over, as its own server
 * does. Names and defaults: modules/api/models.py there.
 */
import { z } from 'zod';

const text = z.string().max(1_000_000).nullish();
const number = z.number().nullish();
const flag = z.boolean().nullish();
/** Clients send −1 for any; some send text. */
const seed = z.union([z.number(), z.string().regex(/^-?\d{1,20}$/)]).nullish();

/** What holds where a field is absent or null. */
const sharedDefaults = {
  ...{ prompt: '', negative_prompt: '', styles: [] as string[], seed: -1, subseed: -1, subseed_strength: 0 },
  ...{ seed_resize_from_h: -1, seed_resize_from_w: -1, sampler_index: 'Euler', scheduler: null },
  ...{ batch_size: 1, n_iter: 1, steps: 50, cfg_scale: 7, width: 512, height: 512 },
  ...{ denoising_strength: 0.75, override_settings: {}, override_settings_restore_afterwards: true },
  ...{ do_not_save_grid: false, send_images: true, save_images: false, alwayson_scripts: {} },
} as const;
export const txt2imgDefaults = {
  ...sharedDefaults,
  ...{ enable_hr: false, hr_scale: 2, hr_upscaler: 'Latent', hr_second_pass_steps: 0 },
  ...{ hr_resize_x: 0, hr_resize_y: 0, hr_prompt: '', hr_negative_prompt: '' },
} as const;
export const img2imgDefaults = {
  ...sharedDefaults,
  ...{ resize_mode: 0, mask_blur: 4, inpainting_fill: 0, inpaint_full_res: true },
  ...{ inpaint_full_res_padding: 0, inpainting_mask_invert: 0, init_images: null, mask: null },
} as const;

const shared = {
  ...{ prompt: text, negative_prompt: text, styles: z.array(z.string()).nullish() },
  ...{ seed, subseed: seed, subseed_strength: number },
  ...{ seed_resize_from_h: number, seed_resize_from_w: number },
  ...{ sampler_name: text, sampler_index: text, scheduler: text },
  ...{ batch_size: number, n_iter: number, steps: number, cfg_scale: number, width: number, height: number },
  ...{ restore_faces: flag, tiling: flag, eta: number, s_churn: number, s_tmin: number, s_tmax: number },
  ...{ s_noise: number, s_min_uncond: number, do_not_save_samples: flag, do_not_save_grid: flag },
  override_settings: z.record(z.string(), z.unknown()).nullish(),
  override_settings_restore_afterwards: flag,
  ...{ refiner_checkpoint: text, refiner_switch_at: number, disable_extra_networks: flag },
  ...{ denoising_strength: number, script_name: text, script_args: z.array(z.unknown()).nullish() },
  alwayson_scripts: z.record(z.string(), z.unknown()).nullish(),
  ...{ send_images: flag, save_images: flag, force_task_id: z.string().max(200).nullish(), infotext: text },
};

export const txt2imgBody = z.object({
  ...shared,
  ...{ firstphase_width: number, firstphase_height: number },
  ...{ enable_hr: flag, hr_scale: number, hr_upscaler: text, hr_second_pass_steps: number },
  ...{ hr_resize_x: number, hr_resize_y: number, hr_checkpoint_name: text, hr_sampler_name: text },
  ...{ hr_scheduler: text, hr_prompt: text, hr_negative_prompt: text, hr_cfg: number },
});

const picture = z.string().max(90_000_000);
export const img2imgBody = z.object({
  ...shared,
  ...{ init_images: z.array(picture).max(16).nullish(), mask: picture.nullish() },
  ...{ resize_mode: number, mask_blur: number, mask_blur_x: number, mask_blur_y: number },
  inpainting_fill: number,
  inpaint_full_res: z.union([z.boolean(), z.number()]).nullish(),
  inpaint_full_res_padding: number,
  inpainting_mask_invert: z.union([z.boolean(), z.number()]).nullish(),
  ...{ initial_noise_multiplier: number, image_cfg_scale: number, include_init_images: flag },
});

export type Txt2Img = z.output<typeof txt2imgBody>;
export type Img2Img = z.output<typeof img2imgBody>;
/** Both, by what they share. */
export type Asked = Txt2Img | Img2Img;

export const isFromPicture = (asked: Asked): asked is Img2Img => 'init_images' in asked;

/** Fields that change nothing here, where a client sets them to something: what A1111 would have done. */
export const notApplied: readonly {
  readonly is: (asked: Asked) => boolean;
  readonly what: string;
}[] = [
  { is: ({ restore_faces }) => restore_faces === true, what: 'face restoration' },
  { is: ({ tiling }) => tiling === true, what: 'tiling' },
  { is: ({ styles }) => (styles ?? []).some(name => name !== ''), what: 'styles' },
  { is: ({ s_min_uncond }) => (s_min_uncond ?? 0) > 0, what: 'negative guidance minimum sigma' },
  { is: ({ refiner_checkpoint }) => !!refiner_checkpoint && refiner_checkpoint !== 'None', what: 'refiner' },
  {
    is: asked =>
      'hr_checkpoint_name' in asked && !['', 'Use same checkpoint'].includes(asked.hr_checkpoint_name ?? ''),
    what: 'another checkpoint in hires fix',
  },
  {
    is: asked =>
      'initial_noise_multiplier' in asked && ![undefined, null, 1].includes(asked.initial_noise_multiplier),
    what: 'initial noise multiplier',
  },
  {
    is: asked => 'resize_mode' in asked && asked.resize_mode === 3,
    what: 'resizing of the latent (the picture was resized)',
  },
  {
    is: asked =>
      'mask_blur_x' in asked &&
      asked.mask_blur_x !== undefined &&
      asked.mask_blur_y !== undefined &&
      asked.mask_blur_x !== asked.mask_blur_y,
    what: 'another mask blur upwards than sideways',
  },
];
