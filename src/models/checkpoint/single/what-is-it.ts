/** @file What a .safetensors file is that holds no UNet of Stable Diffusion: told by its tensors' names. */
import { badInput, type LoraError } from '../../../errors.ts';
import type { SafetensorsFile } from '../../../files/index.ts';
import { findTextEncoders, findVae } from './find-parts.ts';

interface Kind {
  readonly code: string;
  readonly is: string;
  readonly hint: string;
  /** A name that only such files have. */
  readonly name: RegExp;
}

const otherModel = 'Supported are Stable Diffusion 1.x, 2.x and SDXL.';

/** Looked for before a UNet is: some of these have a UNet's names too. */
const kinds: readonly Kind[] = [
  {
    ...{ code: 'CHECKPOINT_IS_LORA', is: 'a LoRA' },
    name: /^lora_(?:unet|te\d?|prior)_|\.lora_(?:down|up|A|B|mid)\.|\.lora\.(?:down|up)\.|_lora\.(?:down|up)\.|\.hada_w[12]_|\.lokr_w[12]/,
    hint: 'Give it with --lora, and the checkpoint that it was made for with --base; `lora inspect` shows it.',
  },
  {
    ...{ code: 'CHECKPOINT_IS_CONTROLNET', is: 'a ControlNet or another model that goes beside a UNet' },
    name: /^(?:control_model|controlnet|lora_controlnet|adapter)\b|controlnet_cond_embedding|(?:^|\.)input_hint_block\.|controlnet_down_blocks|(?:^|\.)zero_convs?\./,
    hint: 'ControlNets are not supported; give a checkpoint of Stable Diffusion.',
  },
  {
    ...{ code: 'CHECKPOINT_OTHER_MODEL', is: 'a motion module or video model (AnimateDiff)' },
    name: /motion_modules\.|temporal_transformer|time_stack\.|time_mixer/,
    hint: otherModel,
  },
  {
    ...{ code: 'CHECKPOINT_OTHER_MODEL', is: 'a model of another kind (Flux, SD 3 or another transformer)' },
    name: /(?:^|\.)(?:double_blocks|joint_blocks|double_layers|single_transformer_blocks|single_blocks)\.\d|(?:^|\.)x_embedder\.proj|^clip_txt_mapper\.|\.channelwise\./,
    hint: otherModel,
  },
  {
    ...{ code: 'CHECKPOINT_IS_EMBEDDING', is: 'a textual inversion embedding' },
    name: /^(?:emb_params|clip_[lg]|string_to_param.*|<.*>)$/,
    hint: 'Embeddings are not supported.',
  },
];

/** The error for a file of another kind, even if it has a UNet's names; undefined for what may be a checkpoint. */
export function otherKind({ path, tensors }: SafetensorsFile): LoraError | undefined {
  for (const { code, is, hint, name } of kinds) {
    for (const key of tensors.keys())
      if (name.test(key)) return badInput(code, `${path} is ${is}: it has the tensor ${key}`, hint);
  }
  return undefined;
}

/** The error for a file without a UNet. */
export function noUnet(file: SafetensorsFile): LoraError {
  const { path, tensors } = file;
  const beside = 'Give a checkpoint with --base, and this file';
  if (findVae(file, 4)) {
    const hint = `${beside} with --vae.`;
    return badInput(
      'CHECKPOINT_IS_VAE',
      `${path} is an autoencoder (VAE) alone, there is no UNet in it`,
      hint,
    );
  }
  if (findTextEncoders(file).length > 0) {
    const hint = `${beside} with --text-encoder.`;
    const message = `${path} is a text encoder alone, there is no UNet in it`;
    return badInput('CHECKPOINT_IS_TEXT_ENCODER', message, hint);
  }
  const some = [...tensors.keys()].slice(0, 3).join(', ');
  const message = `${path} is no checkpoint of Stable Diffusion: of its ${tensors.size} tensors none is of a UNet (${some} …)`;
  return badInput('CHECKPOINT_UNKNOWN', message, otherModel);
}
