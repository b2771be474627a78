/** @file What a .safetensors file is that holds no LoRA: told by its tensors' names. */
import { badInput, type LoraError } from '../../errors.ts';
import type { SafetensorsFile } from '../../files/index.ts';

interface Kind {
  readonly code: string;
  readonly is: string;
  readonly hint: string;
  /** A name that only such files have. */
  readonly name: RegExp;
}

const kinds: readonly Kind[] = [
  {
    ...{ code: 'LORA_IS_CONTROLNET', is: 'a ControlNet' },
    name: /^lora_controlnet$|^control_model\.|(?:^|\.)input_hint_block\.|controlnet_cond_embedding/,
    hint: 'ControlNets are not supported.',
  },
  {
    ...{ code: 'LORA_IS_CHECKPOINT', is: 'a checkpoint' },
    name: /^model\.diffusion_model\.|^model_ema\.|^(?:unet\.)?(?:conv_in|input_blocks\.0\.0)\.weight$/,
    hint: 'Give it with --base; `lora checkpoint inspect` shows it.',
  },
  {
    ...{ code: 'LORA_IS_VAE', is: 'an autoencoder (VAE)' },
    name: /^first_stage_model\.|^(?:encoder|decoder)\.conv_(?:in|out)\.weight$/,
    hint: 'Give it with --vae.',
  },
  {
    ...{ code: 'LORA_IS_TEXT_ENCODER', is: 'a text encoder' },
    name: /^cond_stage_model\.|^conditioner\.|(?:^|\.)token_embedding\.weight$/,
    hint: 'Give it with --text-encoder.',
  },
  {
    ...{ code: 'LORA_IS_EMBEDDING', is: 'a textual inversion embedding' },
    name: /^(?:emb_params|clip_[lg]|string_to_param.*|<.*>)$/,
    hint: 'Embeddings are not supported.',
  },
];

/** The error for a file without a module. */
export function noLora({ path, tensors }: SafetensorsFile): LoraError {
  for (const { code, is, hint, name } of kinds) {
    for (const key of tensors.keys())
      if (name.test(key))
        return badInput(code, `${path} is ${is}, not a LoRA: it has the tensor ${key}`, hint);
  }
  const some = [...tensors.keys()].slice(0, 3).join(', ');
  const message = `${path} is no LoRA: of its ${tensors.size} tensors none is of one${some ? ` (${some} …)` : ''}`;
  return badInput('LORA_UNKNOWN', message, 'Is this the right file?');
}
