/** @file `infotext` in a request fills the fields that the request leaves open, as A1111's API does. */
import { parseInfotext } from '../../../generation/index.ts';
import type { Asked } from './fields.ts';

const numberOf = (text: string | undefined): number | undefined => {
  const value = Number(text);
  return text === undefined || text.trim() === '' || !Number.isFinite(value) ? undefined : value;
};

/** A1111's names of fields, and what they fill. */
const places: Readonly<Record<string, (text: string) => Record<string, unknown>>> = {
  Steps: text => ({ steps: numberOf(text) }),
  Sampler: text => ({ sampler_name: text }),
  'Schedule type': text => ({ scheduler: text }),
  'CFG scale': text => ({ cfg_scale: numberOf(text) }),
  Seed: text => ({ seed: text }),
  'Variation seed': text => ({ subseed: text }),
  'Variation seed strength': text => ({ subseed_strength: numberOf(text) }),
  'Denoising strength': text => ({ denoising_strength: numberOf(text) }),
  'Hires upscale': text => ({ enable_hr: true, hr_scale: numberOf(text) }),
  'Hires upscaler': text => ({ enable_hr: true, hr_upscaler: text }),
  'Hires steps': text => ({ hr_second_pass_steps: numberOf(text) }),
  Size: text => {
    const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
    return { width: numberOf(width), height: numberOf(height) };
  },
};

export function withInfotext<T extends Asked>(asked: T): T {
  if (!asked.infotext) return asked;
  const { prompt, negativePrompt, fields } = parseInfotext(asked.infotext);
  const found: Record<string, unknown> = { prompt, negative_prompt: negativePrompt };
  for (const [name, text] of Object.entries(fields))
    if (Object.hasOwn(places, name)) Object.assign(found, places[name](text));
  const given = Object.entries(asked).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  return { ...asked, ...found, ...Object.fromEntries(given) };
}

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
  return { Prompt: prompt, 'Negative prompt': negativePrompt, ...Object.fromEntries(sizes) };
}
