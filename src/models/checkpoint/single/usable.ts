/** @file What can be trained and drawn with, and why the rest cannot. */

import { badInput, type LoraError } from '../../../errors.ts';
import type { SafetensorsFile } from '../../../files/index.ts';
import type { Variant } from './architectures.ts';

export interface Refusal {
  readonly code: string;
  readonly why: string;
  readonly hint: string;
}

const useBase = 'Use the base model of the same family.';

/** Variants whose UNet reads what is not known here, or that only finish what another model begins. */
const refusedVariants: Readonly<Partial<Record<Variant, Refusal>>> = {
  ip2p: {
    code: 'IP2P_NOT_SUPPORTED',
    why: 'an editing model (InstructPix2Pix): its UNet reads the picture to edit too (8 channels)',
    hint: useBase,
  },
  depth: {
    code: 'DEPTH_NOT_SUPPORTED',
    why: 'a depth-to-image model: its UNet reads a depth map too (5 channels)',
    hint: useBase,
  },
  refiner: {
    code: 'REFINER_NOT_SUPPORTED',
    why: 'the SDXL refiner: it only finishes pictures of the SDXL base and is not trained by itself',
    hint: 'Use the SDXL base model.',
  },
};

const notes: Readonly<Partial<Record<Variant, string>>> = {
  inpaint:
    'an inpainting model: it is trained with random parts of the pictures hidden, and draws from a prompt as if all were hidden',
};

/** What is worth knowing of a variant that can be used. */
export const notesOn = (variant: Variant): string[] => (notes[variant] ? [notes[variant]] : []);

/** Tensors that say that a UNet was trained on another noise schedule (EDM; Karras et al. 2022). */
const otherSchedules: readonly { tensor: string; why: string }[] = [
  {
    tensor: 'edm_vpred.sigma_max',
    why: 'an EDM v-prediction model (CosXL): it has a noise schedule of its own',
  },
  { tensor: 'edm_mean', why: 'an EDM model with shifted latents (Playground v2.5)' },
];

/** Why a variant can be neither trained nor drawn with; undefined for one that can. */
export const refusalOfVariant = (variant: Variant): Refusal | undefined => refusedVariants[variant];

/** Why a file can be neither trained nor drawn with; undefined for one that can. */
export function refusalOf({ tensors }: SafetensorsFile, variant: Variant): Refusal | undefined {
  const other = otherSchedules.find(({ tensor }) => tensors.has(tensor));
  if (other) return { code: 'EDM_NOT_SUPPORTED', why: other.why, hint: 'Use the SDXL base model.' };
  return refusalOfVariant(variant);
}

/** The refusal as an error of a file. */
export const refusalError = (path: string, { code, why, hint }: Refusal): LoraError =>
  badInput(`CHECKPOINT_${code}`, `${path} is ${why}`, hint);
