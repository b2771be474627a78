/**
 * @file What another program does differently with the same prompt, seed and sampler, as data. Each row was read from
 * that program's source; the numbers are checked by test/golden/.
 */
import type { EmphasisRule, NoiseSource, PresetName } from './schema.ts';

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
  readonly startNoise: 'sigma' | 'comfy' | 'diffusers';
  readonly emphasis: EmphasisRule;
  /** What of the prompt language is understood beside emphasis; `plain` is text and nothing else. */
  readonly syntax: 'a1111' | 'comfy' | 'plain';
  /** Longer prompts than one chunk are read in chunks, or cut. */
  readonly longPrompts: 'chunks' | 'cut';
  /** SDXL: an empty negative prompt stands for zeros; `checkpoint` where its files say so. */
  readonly zerosForNoText: 'always' | 'never' | 'checkpoint';
  /** What the number after clip skip means: A1111's 2 is diffusers' 1. */
  readonly clipSkipFrom: 1 | 0;
  /** Whose schedulers, where programs differ under one name. */
  readonly schedules: 'a1111' | 'comfy' | 'diffusers';
  /** How strength shortens a run: A1111 starts late, ComfyUI makes a longer schedule, diffusers drops steps. */
  readonly strength: 'a1111' | 'comfy' | 'diffusers';
  /** In which space guidance is rescaled (Lin et al. 2023 leave it open). */
  readonly rescale: 'prediction' | 'velocity';
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  lora: {
    ...{ noise: 'cpu', stepNoise: 'continues', startNoise: 'sigma', emphasis: 'a1111', syntax: 'a1111' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'checkpoint', clipSkipFrom: 1, schedules: 'a1111' },
    ...{ strength: 'a1111', rescale: 'prediction' },
  },
  a1111: {
    ...{ noise: 'philox', stepNoise: 'continues', startNoise: 'sigma', emphasis: 'a1111', syntax: 'a1111' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'always', clipSkipFrom: 1, schedules: 'a1111' },
    ...{ strength: 'a1111', rescale: 'prediction' },
  },
  comfy: {
    ...{ noise: 'cpu', stepNoise: 'philox-again', startNoise: 'comfy', emphasis: 'comfy', syntax: 'comfy' },
    ...{ longPrompts: 'chunks', zerosForNoText: 'never', clipSkipFrom: 1, schedules: 'comfy' },
    ...{ strength: 'comfy', rescale: 'velocity' },
  },
  diffusers: {
    ...{ noise: 'cpu', stepNoise: 'continues', startNoise: 'diffusers', emphasis: 'none', syntax: 'plain' },
    ...{ longPrompts: 'cut', zerosForNoText: 'checkpoint', clipSkipFrom: 0, schedules: 'diffusers' },
    ...{ strength: 'diffusers', rescale: 'prediction' },
  },
};
