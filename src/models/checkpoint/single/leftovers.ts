/** @file Tensors of a single file that no part is made of: which are known to be of no use, and which are not. */

/** What is beside the models in files that trainers and merging tools write. */
const known: readonly RegExp[] = [
  // Noise schedule of the base's own training, and its losses.
  /^(?:betas|alphas_cumprod|alphas_cumprod_prev|log_one_minus_alphas_cumprod|sqrt_\w+|posterior_\w+|logvar|lvlb_weights|scale_factor)$/,
  /^denoiser\.\w+$/,
  /^(?:model_ema\.|ema\.)/,
  /^first_stage_model\.(?:loss|perceptual|discriminator)/,
  /^(?:v_pred|ztsnr|edm_\w+(?:\.\w+)?)$/,
  // Of text encoders: constants, what only training on pairs needs, and the layer that SD 2.x never runs.
  /(?:^|\.)(?:position_ids|logit_scale|attn_mask)$/,
  /(?:^|\.)model\.transformer\.resblocks\.23\./,
  /(?:^|\.)text_projection(?:\.weight)?$/,
  /^(?:safety_checker|depth_model|cond_stage_model\.model\.visual)\./,
];

/** Names of tensors that nothing here knows. */
export function unknownTensors(names: Iterable<string>, used: ReadonlySet<string>): string[] {
  return [...names].filter(name => !used.has(name) && !known.some(pattern => pattern.test(name)));
}
