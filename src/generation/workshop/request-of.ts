/** @file Settings as what a generator is asked for. */
import { resolveSampler } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import type { PreparedStart } from '../given-pictures.ts';
import type { GenerateRequest, SecondPass } from '../request.ts';
import { presets, rulesOf } from '../settings/presets.ts';
import type { PictureSettings } from '../settings/schema.ts';

/** What all pictures of a batch share. */
export function requestOf(
  settings: PictureSettings,
  start: PreparedStart,
): Omit<GenerateRequest, 'pictures' | 'loras'> {
  const { merge, samplerOptions, steps, guidance, guidanceRescale, width, height, noiseSize } = settings;
  return {
    ...{ merge, samplerOptions, steps, guidance, guidanceRescale, width, height, noiseSize },
    sampler: resolveSampler(settings.sampler, settings.scheduler, presets[settings.preset].schedules),
    rules: rulesOf(settings),
    ...{ init: start.init, inpaint: start.inpaint },
    second: secondPassOf(settings),
  };
}

function secondPassOf({
  hires,
  sampler,
  scheduler,
  guidance,
  inpaint,
  preset,
}: PictureSettings): SecondPass | undefined {
  if (!hires) return undefined;
  if (inpaint)
    throw usageError(
      'HIRES_INPAINT',
      'a second pass redraws the whole picture',
      'Leave out --mask or --hires.',
    );
  const { width, height, upscaler, steps, strength } = hires;
  return {
    ...{ width, height, upscaler, steps, strength },
    sampler: resolveSampler(
      hires.sampler ?? sampler,
      hires.scheduler ?? scheduler,
      presets[preset].schedules,
    ),
    guidance: hires.guidance ?? guidance,
  };
}
