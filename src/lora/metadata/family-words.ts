/** @file What the tools of the field call the families: in kohya's metadata, and in Stability AI's modelspec. */
import type { Checkpoint, Family } from '../../models/index.ts';

interface FamilyWords {
  /** sd-scripts' name of the base. */
  readonly base: string;
  readonly architecture: string;
  /** Names of bases that predict velocity, where there are such. */
  readonly velocity?: { readonly base: string; readonly architecture: string };
  /** Whose names the file's tensors have. */
  readonly implementation: string;
}

const words: Readonly<Record<Family, FamilyWords>> = {
  pocket: {
    base: 'lora_studio_pocket',
    architecture: 'lora-studio-pocket',
    implementation: 'diffusers',
  },
  sd15: {
    base: 'sd_v1',
    architecture: 'stable-diffusion-v1',
    velocity: { base: 'sd_v1_v', architecture: 'stable-diffusion-v1' },
    implementation: 'diffusers',
  },
  sd2: {
    base: 'sd_v2',
    architecture: 'stable-diffusion-v2-512',
    velocity: { base: 'sd_v2_v', architecture: 'stable-diffusion-v2-768-v' },
    implementation: 'diffusers',
  },
  sdxl: {
    base: 'sdxl_base_v1-0',
    architecture: 'stable-diffusion-xl-v1-base',
    implementation: 'https://github.com/Stability-AI/generative-models',
  },
};

/** `base` is for `ss_base_model_version`, `architecture` for `modelspec.architecture` of a LoRA. */
export function familyWords({ family, scheduler }: Pick<Checkpoint, 'family' | 'scheduler'>): {
  readonly base: string;
  readonly architecture: string;
  readonly implementation: string;
} {
  const { velocity, ...usual } = words[family];
  const own = scheduler.predictionType === 'v_prediction' ? { ...usual, ...velocity } : usual;
  return { ...own, architecture: `${own.architecture}/lora` };
}
