/** @file The tensors of a single file in the LDM layout, as the base models were published. */
import type { Shape } from '../../../engine/index.ts';
import type { WeightSource } from '../../layers.ts';
import { type EncoderKind, inputVariants } from '../single/architectures.ts';
import { openClipName, type Stored } from '../single/clip-names.ts';
import { ldmUnetName } from '../single/unet-names.ts';
import { ldmVaeName } from '../single/vae-names.ts';
import type { LaidTensor, ModelParts } from './parts.ts';

/** How one part is laid out: the file's name of each of our tensors, and which shape it has there. */
function lay(
  weights: WeightSource,
  stored: (name: string) => Stored,
  shaped = (_: string, shape: Shape) => shape,
) {
  const laid = new Map<string, LaidTensor>();
  for (const own of weights.names()) {
    const { name, third, turned } = stored(own);
    const piece = { weights, name: own };
    const shape = shaped(own, turned ? [...weights.shape(own)].reverse() : weights.shape(own));
    if (third === undefined) laid.set(name, { name, shape, pieces: [piece], ...(turned ? { turned } : {}) });
    else {
      const { pieces = [] } = laid.get(name) ?? {};
      const all = [...pieces];
      all[third] = piece;
      laid.set(name, { name, shape: [3 * shape[0], ...shape.slice(1)], pieces: all });
    }
  }
  return [...laid.values()];
}

const prefixed = (prefix: string, stored: Stored): Stored => ({ ...stored, name: prefix + stored.name });

/** The autoencoder's attention is of 1×1 convolutions there. */
const isAttention = (name: string): boolean => /\.attentions\.0\.to_(?:q|k|v|out\.0)\.weight$/.test(name);

/** Where text encoders are: alone, or beside another. */
const textPrefixes: Readonly<Record<EncoderKind, readonly [alone: string, together: string]>> = {
  clipL: ['cond_stage_model.transformer.', 'conditioner.embedders.0.transformer.'],
  openClipH: ['cond_stage_model.model.', ''],
  openClipBigG: ['conditioner.embedders.0.model.', 'conditioner.embedders.1.model.'],
};

function textName(kind: EncoderKind, count: number): (name: string) => Stored {
  const prefix = textPrefixes[kind][count - 1];
  return name => prefixed(prefix, kind === 'clipL' ? { name } : openClipName(name));
}

/** All tensors of the file; the names of files are those of tools/goldens/checkpoint_keys.py. */
export function ldmTensors({ unet, vae, text }: ModelParts): LaidTensor[] {
  return [
    ...lay(unet.weights, name => ({ name: `model.diffusion_model.${ldmUnetName(name, unet.config)}` })),
    ...lay(
      vae.weights,
      name => ({ name: `first_stage_model.${ldmVaeName(name, vae.config.channels.length)}` }),
      (name, shape) => (isAttention(name) && shape.length === 2 ? [...shape, 1, 1] : shape),
    ),
    ...text.flatMap(({ kind, weights }) => lay(weights, textName(kind, text.length))),
  ];
}

/** What the UNet predicts is written where tools look for it (Stability AI's modelspec). */
export function ldmMetadata({ architecture, unet, scheduler }: ModelParts): Record<string, string> {
  const { predictionType } = scheduler;
  const names = {
    sd15: 'stable-diffusion-v1',
    sd2: 'stable-diffusion-v2',
    sdxl: 'stable-diffusion-xl-v1-base',
  };
  const { family } = architecture;
  if (family === 'pocket') return {};
  const size = family === 'sd2' ? (predictionType === 'epsilon' ? '-512' : '-768-v') : '';
  const inpaint = inputVariants.get(unet.config.inChannels) === 'inpaint' ? '/inpaint' : '';
  return {
    'modelspec.sai_model_spec': '1.0.0',
    'modelspec.architecture': names[family] + size + inpaint,
    'modelspec.implementation': 'https://github.com/Stability-AI/generative-models',
    'modelspec.prediction_type': predictionType === 'epsilon' ? 'epsilon' : 'v',
  };
}

/** Empty tensors that mark SDXL models of another prediction, which their files do not show otherwise. */
export function ldmMarks({ architecture, scheduler }: ModelParts): string[] {
  if (architecture.family !== 'sdxl' || scheduler.predictionType === 'epsilon') return [];
  return scheduler.rescaleZeroTerminalSnr ? ['v_pred', 'ztsnr'] : ['v_pred'];
}
