/** @file Settings of a picture that says nothing special, for pictures that the product draws by itself. */
import { resolve } from 'node:path';
import type { SamplerChoice } from '../../diffusion/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { presets } from './presets.ts';
import type { LoraSettings, PictureSettings } from './schema.ts';

export interface PlainPicture {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number | bigint;
  readonly sampler: SamplerChoice;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly loras?: readonly LoraSettings[];
}

/** Our own preset, attached LoRAs, from noise. */
export function plainSettings(
  checkpoint: Pick<Checkpoint, 'name' | 'path'>,
  { prompt, negativePrompt, seed, sampler, steps, guidance, width, height, loras = [] }: PlainPicture,
): PictureSettings {
  const { noise, emphasis } = presets.lora;
  return {
    model: { name: checkpoint.name, path: resolve(checkpoint.path) },
    ...{ prompt, negativePrompt, loras: [...loras], merge: false, seed: BigInt(seed) },
    ...{ preset: 'lora', noise, emphasis, clipSkip: 1 },
    ...{ sampler: sampler.samplerLabel, scheduler: sampler.schedulerLabel },
    ...{ steps, guidance, guidanceRescale: 0, width, height },
  };
}
