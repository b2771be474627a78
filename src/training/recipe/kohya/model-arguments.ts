/** @file sd-scripts' arguments of the base, the network and the files that a run begins with and ends in. */
import {
  fields,
  flag,
  float,
  int,
  type KohyaTable,
  missing,
  nothing,
  omitted,
  place,
  text,
} from './argument.ts';
import { networkFields } from './network.ts';

const detected = nothing('the family of the base is read from its file');
const notUploaded = omitted('nothing is uploaded; the file lies where you put it');
const alwaysKept = nothing('the run state is always kept, and --resume goes on from it');

export const modelArguments: KohyaTable = {
  pretrained_model_name_or_path: { ...text(), role: place('base') },
  v2: { ...flag, role: detected },
  v_parameterization: {
    ...flag,
    // Without the flag the base decides: sd-scripts would train epsilon on a base of v, and give blank pictures.
    role: fields(all => (all.flag('v_parameterization') ? { predictionType: 'v_prediction' } : {})),
  },
  tokenizer_cache_dir: { ...text(), role: nothing('the tokenizer is part of the program or of the base') },
  vae: { ...text(), role: place('vae') },
  clip_skip: {
    ...int(),
    role: missing('captions are read at the layer that the base was made for', (all, { family }) => {
      const skip = all.number('clip_skip') ?? 0;
      return family === 'sdxl' ? false : skip > 1;
    }),
  },
  no_half_vae: { ...flag, role: nothing('the autoencoder always computes in float32') },
  disable_mmap_load_safetensors: { ...flag, role: nothing('weights are read as the machine allows') },

  network_module: { ...text(), role: fields(networkFields) },
  network_dim: { ...int(), role: nothing('read with network_module') },
  network_alpha: { ...float(1), role: nothing('read with network_module') },
  network_dropout: { ...float(), role: nothing('read with network_module') },
  network_args: { ...text(), isList: true, role: nothing('read with network_module') },
  network_train_unet_only: { ...flag, role: nothing('read with network_module') },
  network_train_text_encoder_only: { ...flag, role: nothing('read with network_module') },
  network_weights: { ...text(), role: place('continue') },
  dim_from_weights: { ...flag, role: nothing('a LoRA that is gone on from decides its ranks') },
  base_weights: { ...text(), isList: true, role: place('base LoRAs') },
  base_weights_multiplier: { ...float(), isList: true, role: place('base LoRAs') },
  scale_weight_norms: {
    ...float(),
    role: fields(all => ({ scaleWeightNorms: all.number('scale_weight_norms') ?? 0 })),
  },

  output_dir: { ...text(), role: place('out') },
  output_name: { ...text(), role: place('out') },
  save_model_as: {
    ...text('safetensors', ['ckpt', 'pt', 'safetensors']),
    role: {
      ...{
        does: 'missing',
        why: 'only .safetensors is written; the other formats can run code',
        changesNumbers: false,
      },
      isAsked: all => all.text('save_model_as') !== 'safetensors',
    },
  },
  save_precision: {
    ...text(null, ['float', 'fp16', 'bf16']),
    role: fields(all => {
      const own = all.text('save_precision');
      const trained = all.flag('full_fp16') ? 'fp16' : all.flag('full_bf16') ? 'bf16' : 'float';
      return {
        precision: ({ float: 'float32', fp16: 'float16', bf16: 'bfloat16' } as const)[
          (own ?? trained) as 'float'
        ],
      };
    }),
  },
  save_every_n_steps: {
    ...int(),
    role: fields(all => ({ saveEvery: all.number('save_every_n_steps') ?? 0 })),
  },
  save_every_n_epochs: {
    ...int(),
    role: fields(all => ({ saveEveryEpochs: all.number('save_every_n_epochs') ?? 0 })),
  },
  save_n_epoch_ratio: { ...int(), role: omitted('write save_every_n_epochs instead') },
  save_last_n_epochs: {
    ...int(),
    role: fields(all =>
      all.number('save_every_n_epochs') ? { keepSaves: all.number('save_last_n_epochs') ?? 0 } : {},
    ),
  },
  save_last_n_steps: {
    ...int(),
    role: fields(all => {
      const [every, last] = [all.number('save_every_n_steps'), all.number('save_last_n_steps')];
      // Files of the last n steps: both ends count.
      return every && last !== null && !all.number('save_every_n_epochs')
        ? { keepSaves: Math.floor(last / every) + 1 }
        : {};
    }),
  },
  save_state: { ...flag, role: alwaysKept },
  save_state_on_train_end: { ...flag, role: alwaysKept },
  save_last_n_epochs_state: { ...int(), role: alwaysKept },
  save_last_n_steps_state: { ...int(), role: alwaysKept },
  resume: {
    ...text(),
    role: missing('a state of accelerate cannot be read; go on from its LoRA with network_weights'),
  },
  resume_from_huggingface: { ...flag, role: missing('nothing is fetched') },
  skip_until_initial_step: { ...flag, role: missing('a run begins at step 0, or goes on with --resume') },
  initial_epoch: { ...int(), role: missing('a run begins at step 0, or goes on with --resume') },
  initial_step: { ...int(), role: missing('a run begins at step 0, or goes on with --resume') },
  no_metadata: { ...flag, role: omitted('what a file says of itself is taken out by lora metadata strip') },
  training_comment: { ...text(), role: omitted('say it with --description') },

  metadata_title: { ...text(), role: omitted('the title is the name of the file') },
  metadata_author: { ...text(), role: place('card') },
  metadata_description: { ...text(), role: place('card') },
  metadata_license: { ...text(), role: place('card') },
  metadata_tags: { ...text(), role: place('card') },
  metadata_usage_hint: { ...text(), role: place('card') },
  metadata_thumbnail: { ...text(), role: place('card') },
  metadata_merged_from: { ...text(), role: omitted('a trained LoRA is merged from nothing') },
  metadata_trigger_phrase: { ...text(), role: omitted('the trigger word of the recipe is written') },
  metadata_preprocessor: { ...text(), role: omitted('no file for SD has one') },
  metadata_is_negative_embedding: { ...text(), role: omitted('a LoRA is no embedding') },

  huggingface_repo_id: { ...text(), role: notUploaded },
  huggingface_repo_type: { ...text(), role: notUploaded },
  huggingface_path_in_repo: { ...text(), role: notUploaded },
  huggingface_token: { ...text(), role: notUploaded },
  huggingface_repo_visibility: { ...text(), role: notUploaded },
  save_state_to_huggingface: { ...flag, role: notUploaded },
  async_upload: { ...flag, role: notUploaded },
};
