/** @file What can be chosen for a picture. */
import { samplers, schedulers } from '../../../diffusion/index.ts';
import {
  emphasisRules,
  maskedContents,
  presetNames,
  resizeModes,
  upscalerLabels,
} from '../../../generation/index.ts';
import type { ApiGenerationOptions } from '../../schemas/system.ts';
import {
  emphasisTexts,
  maskedTexts,
  presetTexts,
  resizeTexts,
  samplerTexts,
  schedulerTexts,
  upscalerTexts,
} from './generation-texts.ts';

interface Choice {
  value: string;
  label: string;
  text: string;
}

const presetLabels = { lora: 'Studio', a1111: 'A1111', comfy: 'ComfyUI', diffusers: 'Diffusers' } as const;
const emphasisLabels = { a1111: 'A1111', 'a1111-nonorm': 'No norm', comfy: 'ComfyUI', none: 'None' } as const;

/** `latent-noise` → `Latent noise` */
const spelled = (name: string): string => (name[0].toUpperCase() + name.slice(1)).replaceAll('-', ' ');

const choices = <Name extends string>(
  names: readonly Name[],
  labels: Readonly<Record<Name, string>> | undefined,
  texts: Readonly<Record<Name, string>>,
): Choice[] => names.map(value => ({ value, label: labels?.[value] ?? spelled(value), text: texts[value] }));

/** Values are what a job's payload says; of samplers and schedulers, what A1111 and pictures call them. */
export const generationChoices: ApiGenerationOptions = {
  samplers: samplers.map(({ name, label }) => ({ value: label, label, text: samplerTexts[name] })),
  schedulers: [
    { value: 'Automatic', label: 'Automatic', text: 'What goes best with the sampler.' },
    ...schedulers.map(({ name, label }) => ({ value: label, label, text: schedulerTexts[name] })),
  ],
  presets: choices(presetNames, presetLabels, presetTexts),
  upscalers: choices(
    Object.keys(upscalerLabels) as (keyof typeof upscalerLabels)[],
    upscalerLabels,
    upscalerTexts,
  ),
  resizeModes: choices(resizeModes, undefined, resizeTexts),
  maskedContents: choices(maskedContents, undefined, maskedTexts),
  emphasisRules: choices(emphasisRules, emphasisLabels, emphasisTexts),
};
