/** @file What A1111's clients ask for before they draw: lists in its shapes. */
import { totalmem } from 'node:os';
import { samplers, schedulers } from '../../../diffusion/index.ts';
import { availableMemory, upscalerLabels } from '../../../generation/index.ts';
import type { StudioContext } from '../../context.ts';
import { extraUpscalers } from './extras.ts';
import { cardsOf, modelOf } from './models.ts';

const labels = Object.values(upscalerLabels);
const isLatent = (label: string): boolean => label.startsWith('Latent');
const withoutEnding = (fileName: string): string => fileName.replace(/\.\w+$/, '');

/** Path of the route after `/sdapi/v1` → what it answers. */
export const lists: Readonly<Record<string, (context: StudioContext) => unknown>> = {
  '/samplers': () =>
    samplers.map(({ label, name, aliases, automatic }) => ({
      name: label,
      aliases: [`k_${name}`, ...aliases],
      options: automatic ? { scheduler: automatic } : {},
    })),
  '/schedulers': () => [
    { name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false },
    ...schedulers.map(({ name, label, aliases }) => ({
      ...{ name, label, aliases: aliases.length > 0 ? aliases : null },
      ...{
        default_rho: name === 'karras' ? 7 : name === 'polyexponential' ? 1 : -1,
        need_inner_model: false,
      },
    })),
  ],
  '/upscalers': () =>
    extraUpscalers.map(name => ({
      ...{ name, model_name: null, model_path: null, model_url: null, scale: 4 },
    })),
  '/latent-upscale-modes': () => labels.filter(isLatent).map(name => ({ name })),
  '/sd-models': ({ library }) =>
    cardsOf(library, 'checkpoint').flatMap(({ id }) => {
      const card = library.card(id);
      return card ? [modelOf(card)] : [];
    }),
  '/sd-vae': ({ library }) =>
    cardsOf(library, 'vae').map(({ name, fileName }) => ({ model_name: name, filename: fileName })),
  '/loras': ({ library }) =>
    cardsOf(library, 'lora').map(({ id, fileName, place }) => {
      const metadata = library.card(id)?.metadata ?? {};
      const { ss_output_name: alias } = metadata as { ss_output_name?: unknown };
      return {
        name: withoutEnding(fileName),
        alias: typeof alias === 'string' && alias !== '' ? alias : withoutEnding(fileName),
        path: place === '' ? fileName : `${place}/${fileName}`,
        metadata,
      };
    }),
  '/embeddings': ({ library }) => ({
    loaded: Object.fromEntries(
      cardsOf(library, 'embedding').map(({ name }) => [
        name,
        { step: null, sd_checkpoint: null, sd_checkpoint_name: null, shape: null, vectors: null },
      ]),
    ),
    skipped: {},
  }),
  '/prompt-styles': () => [],
  '/hypernetworks': () => [],
  '/face-restorers': () => [],
  '/realesrgan-models': () => [],
  '/scripts': () => ({ txt2img: [], img2img: [] }),
  '/script-info': () => [],
  '/extensions': () => [],
  '/memory': () => {
    const total = totalmem();
    const free = availableMemory();
    return { ram: { free, used: total - free, total }, cuda: { error: 'no CUDA device is used' } };
  },
  // A1111 once gave its password away here: nothing of how the studio was started is told.
  '/cmd-flags': () => ({ api: true }),
};
