/** @file What another program wrote of its picture as a wish of ours: as near as its text allows. */

import { resolveSampler, type SamplerChoice } from '../../diffusion/index.ts';
import { nearestWords } from '../../errors.ts';
import { presets } from '../settings/presets.ts';
import { type HiresWish, knowsNumber, type PictureWish } from '../settings/settle.ts';
import type { FoundLora, FoundSettings } from './found-settings.ts';

export interface WishOptions {
  /** Paths of LoRAs that are asked for beside the prompt. */
  readonly pathOf: (lora: FoundLora) => string;
  /** The picture and the mask it started from, where they were found. */
  readonly init?: string | undefined;
  readonly mask?: string | undefined;
}

export interface FoundWish {
  readonly wish: PictureWish;
  /** What had to be taken otherwise than it is written. */
  readonly findings: readonly string[];
}

/** The sampler, or the nearest there is. */
function samplerOf(
  { sampler, scheduler }: FoundSettings,
  findings: string[],
): Pick<PictureWish, 'sampler' | 'scheduler'> {
  if (sampler === undefined) {
    findings.push('the picture does not say its sampler; taken: Euler a');
    return { sampler: 'Euler a' };
  }
  try {
    resolveSampler(sampler, scheduler);
    return { sampler, scheduler };
  } catch {
    const known = ['Euler a', 'Euler', 'DPM++ 2M', 'DPM++ SDE', 'DPM++ 2M SDE', 'DPM++ 2S a', 'Heun', 'DDIM'];
    const [taken = 'Euler a'] = nearestWords(sampler, known);
    const asked = scheduler && scheduler !== 'Automatic' ? `${sampler} with ${scheduler}` : sampler;
    findings.push(`sampler ${asked} is not here; taken: ${taken}`);
    return { sampler: taken };
  }
}

function hiresOf({ hires, denoising, width = 0, height = 0 }: FoundSettings): HiresWish | undefined {
  if (!hires) return undefined;
  const { width: toWidth = 2 * width, height: toHeight = 2 * height, upscaler = 'Latent', ...rest } = hires;
  return { ...rest, toWidth, toHeight, upscaler, strength: denoising ?? 0.75 };
}

/** Settings that were found, completed with what their program would have taken. */
export function wishOfFound(found: FoundSettings, { pathOf, init, mask }: WishOptions): FoundWish {
  const findings: string[] = [];
  const preset = found.preset ?? 'a1111';
  const { width, height, steps, guidance, seed, inpaint, variation } = found;
  if (seed === undefined) findings.push('the picture does not say its seed; taken: 0');
  const sampling = samplerOf(found, findings);
  const wish: PictureWish = {
    ...{ prompt: found.prompt ?? '', negativePrompt: found.negativePrompt ?? '' },
    ...{ merge: false, count: 1, seed: seed ?? 0n, preset, noise: found.noise, emphasis: found.emphasis },
    loras: (found.loras ?? [])
      .filter(({ inPrompt }) => !inPrompt)
      .map(lora => {
        const { strength, textStrength, blocks, start, stop } = lora;
        return { path: pathOf(lora), strength, textStrength, blocks, start, stop };
      }),
    ...{ variation, noiseSize: found.noiseSize },
    // The wish counts as its preset does, what was found as A1111 does.
    clipSkip: found.clipSkip === undefined ? undefined : found.clipSkip - (1 - presets[preset].clipSkipFrom),
    ...sampling,
    samplerOptions: knownNumbers(
      found.samplerOptions,
      resolveSampler(sampling.sampler, sampling.scheduler),
      findings,
    ),
    ...{ steps: steps ?? 20, guidance: guidance ?? 7, guidanceRescale: found.guidanceRescale ?? 0 },
    size: width && height ? { width, height } : undefined,
    init:
      init === undefined ? undefined : { path: init, strength: found.denoising ?? 0.75, resize: 'stretch' },
    inpaint:
      mask === undefined
        ? undefined
        : {
            ...{ path: mask, blur: inpaint?.blur ?? 4, invert: inpaint?.invert ?? false },
            ...{ content: inpaint?.content ?? 'original', area: inpaint?.area ?? 'whole' },
            padding: inpaint?.padding ?? 32,
          },
    hires: init === undefined ? hiresOf(found) : undefined,
  };
  return { wish, findings };
}

/** The numbers that its sampler knows; of the others a finding says that they do nothing. */
function knownNumbers(
  options: FoundSettings['samplerOptions'],
  choice: SamplerChoice,
  findings: string[],
): PictureWish['samplerOptions'] {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  const known = given.filter(([name]) => knowsNumber(choice, name));
  for (const [name, value] of given)
    if (!knowsNumber(choice, name)) findings.push(`${name} ${value} has no effect on ${choice.samplerLabel}`);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}
