/** @file `infotext` in a request fills the fields that the request leaves open, as A1111's API does. */
import { parseInfotext } from '../../../generation/index.ts';
import type { Asked } from './fields.ts';

const numberOf = (text: string | undefined): number | undefined => {
  const value = Number(text);
  return text === undefined || text.trim() === '' || !Number.isFinite(value) ? undefined : value;
};

type Fields = Record<string, unknown>;

const number =
  (name: string) =>
  (text: string): Fields => ({ [name]: numberOf(text) });
const word =
  (name: string) =>
  (text: string): Fields => ({ [name]: text });
const size =
  (width: string, height: string) =>
  (text: string): Fields => {
    const [, w, h] = /^(\d+)x(\d+)$/.exec(text) ?? [];
    return { [width]: numberOf(w), [height]: numberOf(h) };
  };
const hires = (fields: Fields): Fields => ({ enable_hr: true, ...fields });
const indexIn =
  (name: string, words: readonly string[]) =>
  (text: string): Fields => {
    const at = words.indexOf(text);
    return at < 0 ? {} : { [name]: at };
  };

/** A1111's names of fields, and what they fill. */
const places: Readonly<Record<string, (text: string) => Fields>> = {
  Steps: number('steps'),
  Sampler: word('sampler_name'),
  'Schedule type': word('scheduler'),
  'CFG scale': number('cfg_scale'),
  Seed: word('seed'),
  Size: size('width', 'height'),
  'Variation seed': word('subseed'),
  'Variation seed strength': number('subseed_strength'),
  'Seed resize from': size('seed_resize_from_w', 'seed_resize_from_h'),
  'Denoising strength': number('denoising_strength'),
  'Hires upscale': text => hires({ hr_scale: numberOf(text) }),
  'Hires resize': text => hires(size('hr_resize_x', 'hr_resize_y')(text)),
  'Hires upscaler': text => hires({ hr_upscaler: text }),
  'Hires steps': number('hr_second_pass_steps'),
  'Hires sampler': word('hr_sampler_name'),
  'Hires schedule type': word('hr_scheduler'),
  'Hires prompt': word('hr_prompt'),
  'Hires negative prompt': word('hr_negative_prompt'),
  'Hires CFG Scale': number('hr_cfg'),
  'Mask blur': number('mask_blur'),
  'Mask mode': text => ({ inpainting_mask_invert: text === 'Inpaint not masked' ? 1 : 0 }),
  'Inpaint area': text => ({ inpaint_full_res: text === 'Only masked' }),
  'Masked area padding': number('inpaint_full_res_padding'),
  'Masked content': indexIn('inpainting_fill', ['fill', 'original', 'latent noise', 'latent nothing']),
  Eta: number('eta'),
  'Eta DDIM': number('eta'),
  'Sigma churn': number('s_churn'),
  'Sigma tmin': number('s_tmin'),
  'Sigma tmax': number('s_tmax'),
  'Sigma noise': number('s_noise'),
};

/** Those that are settings there. */
const settings: Readonly<Record<string, string>> = {
  'Clip skip': 'CLIP_stop_at_last_layers',
  RNG: 'randn_source',
  Emphasis: 'emphasis',
};

const isGiven = ([, value]: [string, unknown]): boolean => value !== undefined && value !== null;

export interface Filled<T> {
  readonly asked: T;
  readonly notApplied: readonly string[];
}

/**
 * What the request says itself goes first. A model that is not there is passed over, as A1111 does, and told; `hasModel`
 * says whether a hash is one of a checkpoint here.
 */
export function withInfotext<T extends Asked>(asked: T, hasModel: (hash: string) => boolean): Filled<T> {
  if (!asked.infotext) return { asked, notApplied: [] };
  const { prompt, negativePrompt, fields } = parseInfotext(asked.infotext);
  const found: Fields = { prompt, negative_prompt: negativePrompt };
  const overrides: Fields = {};
  for (const [name, text] of Object.entries(fields)) {
    if (Object.hasOwn(places, name)) Object.assign(found, places[name](text));
    if (Object.hasOwn(settings, name)) overrides[settings[name]] = text;
  }
  const hash = fields['Model hash'];
  const isKnown = hash !== undefined && hasModel(hash);
  if (isKnown) overrides.sd_model_checkpoint = hash;
  const given = Object.fromEntries(Object.entries(asked).filter(isGiven));
  return {
    asked: { ...asked, ...found, ...given, override_settings: { ...overrides, ...asked.override_settings } },
    notApplied: hash === undefined || isKnown ? [] : [`model ${fields.Model ?? hash} of the infotext`],
  };
}

/** What A1111's reader fills in where a text leaves it out. */
const unsaid: Readonly<Record<string, string>> = {
  'Clip skip': '1',
  'Hires sampler': 'Use same sampler',
  'Hires schedule type': 'Use same scheduler',
  'Hires checkpoint': 'Use same checkpoint',
  'Hires prompt': '',
  'Hires negative prompt': '',
  'Schedule type': 'Automatic',
  RNG: 'GPU',
};

/** The fields as A1111's `/png-info` tells them: all as text, sizes in two. */
export function fieldsOf(text: string): Record<string, string> {
  const { prompt, negativePrompt, fields } = parseInfotext(text);
  const sizes = Object.entries(fields).flatMap(([name, value]) => {
    const [, width, height] = /^(\d+)x(\d+)$/.exec(value) ?? [];
    return width === undefined
      ? [[name, value]]
      : [
          [`${name}-1`, width],
          [`${name}-2`, height],
        ];
  });
  return { Prompt: prompt, 'Negative prompt': negativePrompt, ...unsaid, ...Object.fromEntries(sizes) };
}
