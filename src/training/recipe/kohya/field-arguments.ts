/** @file From a field to the argument of sd-scripts that decides it: for explanations. */
import type { RecipeField } from '../schema.ts';
import type { KohyaValues } from './argument.ts';

/** Of several, the first that was given counts; of those that were not, the last. */
const byField: Readonly<Partial<Record<RecipeField, readonly string[]>>> = {
  steps: ['max_train_epochs', 'max_train_steps'],
  batch: ['train_batch_size'],
  accumulate: ['gradient_accumulation_steps'],
  resolution: ['resolution'],
  seed: ['seed'],
  precision: ['save_precision'],
  recompute: ['gradient_checkpointing'],
  rank: ['network_dim'],
  alpha: ['network_alpha'],
  dropout: ['network_args dropout', 'network_dropout'],
  learningRate: ['unet_lr', 'learning_rate'],
  targets: [
    'network_train_text_encoder_only',
    'network_args preset',
    'network_args conv_dim',
    'network_module',
  ],
  textTargets: ['network_train_unet_only', 'network_module'],
  textLearningRate: ['text_encoder_lr', 'learning_rate'],
  kind: ['network_args algo', 'network_module'],
  convRank: ['network_args conv_dim'],
  convAlpha: ['network_args conv_alpha'],
  rankDropout: ['network_args rank_dropout'],
  moduleDropout: ['network_args module_dropout'],
  loraPlusRatio: ['network_args loraplus_lr_ratio'],
  unetLoraPlusRatio: ['network_args loraplus_unet_lr_ratio'],
  textLoraPlusRatio: ['network_args loraplus_text_encoder_lr_ratio'],
  blockRates: ['network_args down_lr_weight', 'network_args mid_lr_weight', 'network_args up_lr_weight'],
  blockRanks: ['network_args block_dims'],
  blockAlphas: ['network_args block_alphas'],
  factor: ['network_args factor'],
  fullMatrix: ['network_args full_matrix'],
  decomposeBoth: ['network_args decompose_both'],
  tucker: ['network_args use_tucker'],
  rsLora: ['network_args rs_lora'],
  dora: ['network_args dora_wd'],
  scaleWeightNorms: ['scale_weight_norms'],
  optimizer: ['use_8bit_adam', 'use_lion_optimizer', 'optimizer_type'],
  optimizerOptions: ['optimizer_args'],
  weightDecay: ['optimizer_args weight_decay'],
  maxGradientNorm: ['max_grad_norm'],
  schedule: ['lr_scheduler'],
  warmupSteps: ['lr_warmup_steps'],
  decaySteps: ['lr_decay_steps'],
  scheduleCycles: ['lr_scheduler_num_cycles'],
  schedulePower: ['lr_scheduler_power'],
  scheduleMinRatio: ['lr_scheduler_min_lr_ratio', 'lr_scheduler'],
  captionDropout: ['caption_dropout_rate'],
  captionDropoutEvery: ['caption_dropout_every_n_epochs'],
  captionPrefix: ['caption_prefix'],
  captionSuffix: ['caption_suffix'],
  wildcards: ['enable_wildcard'],
  shuffleTags: ['shuffle_caption'],
  keepTags: ['keep_tokens'],
  keepTagsSeparator: ['keep_tokens_separator'],
  tagSeparator: ['caption_separator'],
  secondarySeparator: ['secondary_separator'],
  tagDropout: ['caption_tag_dropout_rate'],
  tokenWarmupMin: ['token_warmup_min'],
  tokenWarmupSteps: ['token_warmup_step'],
  repeats: ['dataset_repeats'],
  regularisation: ['reg_data_dir'],
  flip: ['flip_aug'],
  colour: ['color_aug'],
  randomCrop: ['random_crop'],
  mask: ['alpha_mask', 'masked_loss'],
  regularisationWeight: ['prior_loss_weight'],
  bucketStep: ['bucket_reso_steps'],
  minBucketSide: ['min_bucket_reso', 'enable_bucket'],
  maxBucketSide: ['max_bucket_reso', 'enable_bucket'],
  noUpscale: ['bucket_no_upscale'],
  predictionType: ['v_parameterization'],
  zeroTerminalSnr: ['zero_terminal_snr'],
  minSnrGamma: ['min_snr_gamma'],
  debiased: ['debiased_estimation_loss'],
  scaleVLoss: ['scale_v_pred_loss_like_noise_pred'],
  vLikeLoss: ['v_pred_like_loss'],
  noiseOffset: ['noise_offset'],
  noiseOffsetRandom: ['noise_offset_random_strength'],
  adaptiveNoiseScale: ['adaptive_noise_scale'],
  multiresIterations: ['multires_noise_iterations'],
  multiresDiscount: ['multires_noise_discount'],
  inputPerturbation: ['ip_noise_gamma'],
  inputPerturbationRandom: ['ip_noise_gamma_random_strength'],
  loss: ['loss_type'],
  huberSchedule: ['huber_schedule'],
  huberC: ['huber_c'],
  huberScale: ['huber_scale'],
  minTimestep: ['min_timestep'],
  maxTimestep: ['max_timestep'],
  validationShare: ['validation_split'],
  validateEvery: ['validate_every_n_steps'],
  saveEvery: ['save_every_n_steps'],
  saveEveryEpochs: ['save_every_n_epochs'],
  keepSaves: ['save_last_n_epochs', 'save_last_n_steps'],
  previewPrompts: ['sample_prompts'],
  previewEvery: ['sample_every_n_steps'],
  previewEveryEpochs: ['sample_every_n_epochs'],
};

/** Whether an argument was given, or a `name=value` of one: `network_args conv_dim`. */
function isSaid(name: string, all: KohyaValues): boolean {
  const [argument, inside] = name.split(' ');
  if (inside === undefined) return all.isGiven(argument);
  return all.list(argument).some(text => text.startsWith(`${inside}=`));
}

/** The argument that a field comes from, and whether it was given at all. */
export function argumentOf(field: RecipeField, all: KohyaValues): { argument: string; isGiven: boolean } {
  const names = byField[field] ?? [];
  // A switch that is off says less than the next argument does.
  const said =
    names.find(name => isSaid(name, all) && all.text(name) !== 'false') ??
    names.find(name => isSaid(name, all));
  return { argument: said ?? names.at(-1) ?? 'network_args', isGiven: said !== undefined };
}
