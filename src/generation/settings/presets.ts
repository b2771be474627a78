/**
 * @file What another program does differently with the same prompt, seed and sampler, as data. Each row was read from
 * that program's source; the numbers are checked by test/golden/.
 */
import type { ScheduleRule, StartNoiseRule, StrengthRule } from '../../diffusion/index.ts';
import type { SdxlClipSkip } from '../../models/index.ts';
import type { EmphasisRule, NoiseSource, PictureSettings, PresetName } from './schema.ts';

export interface Preset {
  /** Where start noise comes from. */
  readonly noise: NoiseSource;
  /**
   * Noise within the steps: the start's stream goes on (A1111, diffusers), or a stream of its own from the same seed
   * (ComfyUI on a GPU).
   */
  readonly stepNoise: 'continues' | 'philox-again';
  /**
   * Noise at the first sigma: ·σ₀ (k-diffusion), or ·√(1 + σ₀²) where the run starts at the highest (ComfyUI), or as the
   * schedulers of diffusers have it: ·√(1 + σ₀²) unless timesteps are spread evenly or end at the last one.
   */
  readonly startNoise: StartNoiseRule;
  readonly emphasis: EmphasisRule;
  /** What of the prompt language is understood beside emphasis; `plain` is text and nothing else. */
  readonly syntax: 'a1111' | 'comfy' | 'plain';
  /** Longer prompts than one chunk are read in chunks, or cut. */
  readonly longPrompts: 'chunks' | 'cut';
  /** SDXL: an empty negative prompt stands for zeros; `checkpoint` where its files say so. */
  readonly zerosForNoText: 'always' | 'never' | 'checkpoint';
  /** What the number after clip skip means: A1111's 2 is diffusers' 1. */
  readonly clipSkipFrom: 1 | 0;
  /** Whether the negative prompt skips layers too: diffusers' does not. */
  readonly skipsLayersOf: 'both' | 'prompt';
  /** What clip skip does for SDXL, which reads the layer before the last anyway. */
  readonly sdxlClipSkip: SdxlClipSkip;
  /** What numbers of steps in prompts count: steps, or calls of the UNet, of which some samplers make two a step. */
  readonly promptSteps: 'steps' | 'calls';
  /** Whose schedulers, where programs differ under one name. */
  readonly schedules: ScheduleRule;
  /** The order of UniPC. */
  readonly highestOrder: 2 | 3;
  /** How strength shortens a run: A1111 starts late, ComfyUI makes a longer schedule, diffusers drops steps. */
  readonly strength: StrengthRule;
  /** Inpainting: what is kept is put into what the UNet says, or also, with noise, into what it reads. */
  readonly inpaint: 'denoised' | 'both';
  /** In which space guidance is rescaled (Lin et al. 2023 leave it open). */
  readonly rescale: 'prediction' | 'velocity';
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  lora: {
    ...{ noise: 'cpu', stepNoise: 'continues', startNoise: 'sigma', emphasis: 'a1111', syntax: 'a1111' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'checkpoint', clipSkipFrom: 1, skipsLayersOf: 'both' },
    ...{ sdxlClipSkip: 'fixed', promptSteps: 'steps', schedules: 'lora', highestOrder: 3 },
    ...{ strength: 'a1111', inpaint: 'denoised', rescale: 'prediction' },
  },
  a1111: {
    ...{ noise: 'philox', stepNoise: 'continues', startNoise: 'sigma', emphasis: 'a1111', syntax: 'a1111' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'always', clipSkipFrom: 1, skipsLayersOf: 'both' },
    ...{ sdxlClipSkip: 'fixed', promptSteps: 'calls', schedules: 'a1111', highestOrder: 3 },
    ...{ strength: 'a1111', inpaint: 'denoised', rescale: 'prediction' },
  },
  comfy: {
    ...{ noise: 'cpu', stepNoise: 'philox-again', startNoise: 'comfy', emphasis: 'comfy', syntax: 'comfy' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'never', clipSkipFrom: 1, skipsLayersOf: 'both' },
    ...{ sdxlClipSkip: 'counted', promptSteps: 'steps', schedules: 'comfy', highestOrder: 3 },
    ...{ strength: 'comfy', inpaint: 'both', rescale: 'velocity' },
  },
  diffusers: {
    ...{ noise: 'cpu', stepNoise: 'continues', startNoise: 'diffusers', emphasis: 'none', syntax: 'plain' },
    ...{ longPrompts: 'cut', zerosForNoText: 'checkpoint', clipSkipFrom: 0, skipsLayersOf: 'prompt' },
    ...{ sdxlClipSkip: 'further', promptSteps: 'steps', schedules: 'diffusers', highestOrder: 2 },
    ...{ strength: 'diffusers', inpaint: 'both', rescale: 'prediction' },
  },
};

/** How prompts are read and noise is drawn: a preset, with what differs from it. */
export interface DrawingRules extends Omit<Preset, 'clipSkipFrom'> {
  /** 1 reads the last layer of the text encoder. */
  readonly clipSkip: number;
}

export const usualRules: DrawingRules = { ...presets.lora, clipSkip: 1 };

/** The rules that settings ask for. */
export function rulesOf({
  preset,
  noise,
  emphasis,
  clipSkip,
}: Pick<PictureSettings, 'preset' | 'noise' | 'emphasis' | 'clipSkip'>): DrawingRules {
  return { ...presets[preset], noise, emphasis, clipSkip };
}
