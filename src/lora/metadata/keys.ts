/**
 * @file Every key that trainers write, as data: what it means and how Python prints it. `ss_*` are sd-scripts'
 * (train_network.py), `modelspec.*` those of the Stability model metadata standard 1.0.1 (library/sai_model_spec.py).
 */

/** How a value reads: all are text in the file, printed by Python's `str` or `json.dumps`. */
export type ValueType =
  | 'text'
  | 'int'
  | 'float'
  /** `True` or `False` */
  | 'bool'
  | 'json'
  /** `512`, `512,768` or `(512, 768)` */
  | 'size'
  /** Seconds since 1970, with a fraction. */
  | 'time'
  /** ISO 8601, `2026-11-26T15:00:00`. */
  | 'date'
  /** Computed from the tensors; set by nobody. */
  | 'hash'
  /** `data:image/jpeg;base64,…` */
  | 'picture';

export type KeyGroup =
  | 'network'
  | 'base model'
  | 'run'
  | 'rates'
  | 'optimizer'
  | 'objective'
  | 'captions'
  | 'pictures'
  | 'validation'
  | 'modelspec'
  | 'hashes'
  | 'loading';

/**
 * What `strip` does with it: `needed` to load or lawful to keep; `training`, settings that say nothing of the
 * pictures or their owner; the rest is `personal`.
 */
export type Keeping = 'needed' | 'training' | 'personal';

export interface KeyFacts {
  readonly key: string;
  readonly group: KeyGroup;
  readonly type: ValueType;
  /** May be `None`. */
  readonly optional: boolean;
  readonly keeping: Keeping;
  readonly meaning: string;
}

/** key, type (`?`: or None), keeping, meaning */
type Row = readonly [key: string, type: ValueType | `${ValueType}?`, keeping: Keeping, meaning: string];

const table: Readonly<Record<KeyGroup, readonly Row[]>> = {
  network: [
    ['ss_network_module', 'text', 'needed', 'Python module of the network: networks.lora, lycoris.kohya …'],
    ['ss_network_dim', 'int?', 'needed', 'rank'],
    ['ss_network_alpha', 'float?', 'needed', 'alpha; the factor of ΔW is alpha / rank'],
    ['ss_network_args', 'json', 'needed', 'further settings: conv_dim, algo, dropouts …'],
    ['ss_network_dropout', 'float?', 'training', 'dropout between down and up'],
    ['ss_scale_weight_norms', 'float?', 'training', 'largest norm of a module'],
  ],
  'base model': [
    ['ss_base_model_version', 'text', 'needed', 'sd_v1, sd_v2, sd_v2_v, sdxl_base_v1-0 …'],
    ['ss_v2', 'bool', 'needed', 'whether the base is SD 2.x'],
    ['ss_sd_model_name', 'text', 'training', 'file name of the base'],
    ['ss_sd_model_hash', 'text', 'training', 'old A1111 hash of the base, 8 digits'],
    ['ss_new_sd_model_hash', 'text', 'training', 'sha256 of the base'],
    ['ss_vae_name', 'text', 'training', 'file name of the autoencoder, where another was used'],
    ['ss_vae_hash', 'text', 'training', 'its old A1111 hash, 8 digits'],
    ['ss_new_vae_hash', 'text', 'training', 'its sha256'],
    ['ss_clip_skip', 'int?', 'training', 'from which layer of the text encoder, counted from its end'],
    ['ss_max_token_length', 'int?', 'training', 'longest caption in tokens: 75 (None), 150, 225'],
  ],
  run: [
    ['ss_output_name', 'text?', 'personal', 'name that the trainer gave the file'],
    ['ss_session_id', 'int', 'personal', 'random number that all files of a run share'],
    ['ss_training_started_at', 'time', 'personal', 'when the run began'],
    ['ss_training_finished_at', 'time', 'personal', 'when the file was written'],
    ['ss_training_comment', 'text?', 'personal', 'free words of the trainer'],
    ['ss_sd_scripts_commit_hash', 'text', 'training', 'version of sd-scripts'],
    ['ss_epoch', 'int', 'training', 'epochs done'],
    ['ss_num_epochs', 'int', 'training', 'epochs planned'],
    ['ss_steps', 'int', 'training', 'steps done'],
    ['ss_max_train_steps', 'int', 'training', 'steps planned'],
    ['ss_num_batches_per_epoch', 'int', 'training', 'batches in an epoch'],
    ['ss_seed', 'int?', 'training', 'seed of all randomness'],
    [
      'lora_studio_manifest',
      'json',
      'personal',
      'what it can be made again from: hashes of data, base and code, recipe',
    ],
  ],
  rates: [
    ['ss_learning_rate', 'float?', 'training', 'learning rate'],
    ['ss_unet_lr', 'float?', 'training', 'learning rate of the UNet'],
    ['ss_text_encoder_lr', 'text?', 'training', 'learning rate of the text encoder, or a list of one each'],
    ['ss_lr_scheduler', 'text', 'training', 'constant, cosine, cosine_with_restarts …'],
    ['ss_lr_warmup_steps', 'float?', 'training', 'steps of warm-up; below 1 a share of all'],
  ],
  optimizer: [
    ['ss_optimizer', 'text', 'training', 'name and settings'],
    ['ss_max_grad_norm', 'float', 'training', 'where gradients are cut off; 0: nowhere'],
    ['ss_batch_size_per_device', 'int', 'training', 'pictures in a batch'],
    ['ss_total_batch_size', 'int', 'training', 'pictures in a step, over all devices'],
    ['ss_gradient_accumulation_steps', 'int', 'training', 'batches in a step'],
    ['ss_gradient_checkpointing', 'bool', 'training', 'whether activations were recomputed'],
    ['ss_mixed_precision', 'text?', 'training', 'no, fp16 or bf16'],
    ['ss_full_fp16', 'bool', 'training', 'whether gradients were float16 too'],
    ['ss_fp8_base', 'bool', 'training', 'whether the base was held in fp8'],
    ['ss_fp8_base_unet', 'bool', 'training', 'whether its UNet was'],
    ['ss_lowram', 'bool', 'training', 'whether the base was loaded to the GPU at once'],
  ],
  objective: [
    ['ss_min_snr_gamma', 'float?', 'training', 'γ of min-SNR weighting'],
    ['ss_debiased_estimation', 'bool', 'training', 'whether losses were weighted by 1/√SNR'],
    ['ss_loss_type', 'text', 'training', 'l2, l1, huber, smooth_l1'],
    ['ss_huber_schedule', 'text', 'training', 'constant, exponential or snr'],
    ['ss_huber_scale', 'float', 'training', 'scale of the Huber loss'],
    ['ss_huber_c', 'float', 'training', 'where the Huber loss becomes linear'],
    ['ss_noise_offset', 'float?', 'training', 'noise that is the same all over a picture'],
    ['ss_noise_offset_random_strength', 'bool', 'training', 'whether its strength was drawn'],
    ['ss_adaptive_noise_scale', 'float?', 'training', 'noise offset by the mean of the latents'],
    ['ss_multires_noise_iterations', 'int?', 'training', 'levels of pyramid noise'],
    ['ss_multires_noise_discount', 'float', 'training', 'how fast they fall'],
    ['ss_ip_noise_gamma', 'float?', 'training', 'perturbation of what the UNet reads'],
    ['ss_ip_noise_gamma_random_strength', 'bool', 'training', 'whether its strength was drawn'],
    ['ss_zero_terminal_snr', 'bool', 'training', 'whether the noise schedule ends in pure noise'],
    ['ss_prior_loss_weight', 'float', 'training', 'weight of regularisation pictures'],
  ],
  captions: [
    ['ss_tag_frequency', 'json', 'personal', '{folder: {tag: in how many captions}}'],
    ['ss_shuffle_caption', 'bool', 'training', 'whether tags were shuffled'],
    ['ss_keep_tokens', 'int', 'training', 'first tags that stay in place'],
    ['ss_caption_dropout_rate', 'float', 'training', 'share of captions left out'],
    ['ss_caption_dropout_every_n_epochs', 'int', 'training', 'epochs after which one goes without captions'],
    ['ss_caption_tag_dropout_rate', 'float', 'training', 'share of tags left out'],
  ],
  pictures: [
    ['ss_num_train_images', 'int', 'training', 'pictures of an epoch, repeats included'],
    ['ss_num_reg_images', 'int', 'training', 'regularisation pictures'],
    ['ss_resolution', 'size', 'training', 'width and height'],
    ['ss_enable_bucket', 'bool', 'training', 'whether pictures keep their shape (buckets)'],
    ['ss_bucket_no_upscale', 'bool', 'training', 'whether small pictures stay small'],
    ['ss_min_bucket_reso', 'int?', 'training', 'smallest side of a bucket'],
    ['ss_max_bucket_reso', 'int?', 'training', 'largest side of a bucket'],
    ['ss_bucket_info', 'json', 'training', 'pictures in each bucket'],
    ['ss_resize_interpolation', 'text?', 'training', 'how pictures were made smaller'],
    ['ss_cache_latents', 'bool', 'training', 'whether latents were kept'],
    ['ss_flip_aug', 'bool', 'training', 'whether pictures were mirrored at times'],
    ['ss_color_aug', 'bool', 'training', 'whether colours were changed at times'],
    ['ss_random_crop', 'bool', 'training', 'whether crops were drawn'],
    ['ss_face_crop_aug_range', 'text?', 'training', 'crops around faces'],
    ['ss_dataset_dirs', 'json', 'personal', '{folder: {n_repeats, img_count}}'],
    ['ss_reg_dataset_dirs', 'json', 'personal', 'the same of regularisation pictures'],
    ['ss_datasets', 'json', 'personal', 'all data sets with all of their settings'],
  ],
  validation: [
    ['ss_num_validation_images', 'int', 'training', 'pictures held back'],
    ['ss_validation_seed', 'int?', 'training', 'seed that chose them'],
    ['ss_validation_split', 'float', 'training', 'share held back'],
    ['ss_max_validation_steps', 'int?', 'training', 'batches of a validation'],
    ['ss_validate_every_n_epochs', 'int?', 'training', 'epochs between validations'],
    ['ss_validate_every_n_steps', 'int?', 'training', 'steps between validations'],
  ],
  modelspec: [
    ['modelspec.sai_model_spec', 'text', 'needed', 'version of the standard'],
    ['modelspec.architecture', 'text', 'needed', 'stable-diffusion-v1/lora …'],
    ['modelspec.implementation', 'text', 'needed', 'whose code runs it'],
    ['modelspec.title', 'text', 'needed', 'name for people'],
    ['modelspec.resolution', 'text', 'needed', 'width x height of the pictures it is for'],
    ['modelspec.prediction_type', 'text', 'needed', 'epsilon or v'],
    ['modelspec.license', 'text', 'needed', 'licence'],
    ['modelspec.implementation_version', 'text', 'training', 'version of the program that wrote it'],
    ['modelspec.description', 'text', 'personal', 'what it is'],
    ['modelspec.author', 'text', 'personal', 'who made it'],
    ['modelspec.date', 'date', 'personal', 'when it was made'],
    ['modelspec.usage_hint', 'text', 'personal', 'how to use it'],
    ['modelspec.trigger_phrase', 'text', 'personal', 'words that call it'],
    ['modelspec.tags', 'text', 'personal', 'words to find it by'],
    ['modelspec.thumbnail', 'picture', 'personal', 'a small picture'],
    ['modelspec.merged_from', 'text', 'personal', 'what it was merged from'],
    ['modelspec.timestep_range', 'text', 'training', 'timesteps it was trained on, first,last'],
    ['modelspec.encoder_layer', 'text', 'training', 'layer of the text encoder (clip skip)'],
    ['modelspec.preprocessor', 'text', 'training', 'what makes the pictures of a ControlNet'],
    ['modelspec.is_negative_embedding', 'text', 'training', 'whether an embedding is for negative prompts'],
    ['modelspec.unet_dtype', 'text', 'training', 'type that the UNet is for'],
    ['modelspec.vae_dtype', 'text', 'training', 'type that the autoencoder is for'],
  ],
  hashes: [
    [
      'sshs_model_hash',
      'hash',
      'needed',
      'sha256 of the tensors; sites find the file by its first 12 digits',
    ],
    ['sshs_legacy_hash', 'hash', 'needed', 'hash that older programs use, 8 digits'],
    ['modelspec.hash_sha256', 'hash', 'needed', 'the first as the model standard writes it'],
  ],
  loading: [
    ['format', 'text', 'needed', 'pt: PyTorch’s shapes'],
    ['lora_adapter_metadata', 'json', 'needed', 'ranks and alphas, as Diffusers keeps them'],
  ],
};

function facts(group: KeyGroup, [key, type, keeping, meaning]: Row): KeyFacts {
  return {
    ...{ key, group, keeping, meaning },
    type: type.replace('?', '') as ValueType,
    optional: type.endsWith('?'),
  };
}

/** All known keys, by name. */
export const metadataKeys: ReadonlyMap<string, KeyFacts> = new Map(
  Object.entries(table).flatMap(([group, rows]) =>
    rows.map(row => [row[0], facts(group as KeyGroup, row)] as const),
  ),
);

/** What the standard asks of every file that names it. */
export const mandatoryModelspec = ['sai_model_spec', 'architecture', 'implementation', 'title'].map(
  name => `modelspec.${name}`,
);
