/** @file sd-scripts' arguments of the run: steps, rates, optimizer, objective, validation, previews. */
import {
  fields,
  flag,
  float,
  int,
  type KohyaTable,
  type KohyaValues,
  missing,
  nothing,
  omitted,
  place,
  share,
  stepsFrom,
  text,
} from './argument.ts';
import { optimizerFieldsFrom, scheduleFieldsFrom } from './optimizer.ts';

const sameNumbers = nothing('another way to the same numbers');
const oneDevice = nothing('one device does the work');
const moreExact = nothing('all is computed in float32, which is more exact');
const heldExactly = nothing('the base is held as in its file; --base-weights int8 saves memory');
const ownLog = nothing('every run is logged beside its file');
const notSent = omitted('nothing is sent anywhere; every run is logged beside its file');
const withOptimizer = nothing('read with optimizer_type');
const withSchedule = nothing('read with lr_scheduler');

const hasNoiseOffset = (all: KohyaValues): boolean => (all.number('noise_offset') ?? 0) > 0;

export const courseArguments: KohyaTable = {
  max_train_steps: {
    ...int(1600),
    role: fields(all =>
      all.number('max_train_epochs') === null ? { steps: all.number('max_train_steps') ?? 1600 } : {},
    ),
  },
  max_train_epochs: { ...int(), role: place('epochs') },
  gradient_accumulation_steps: {
    ...int(1),
    role: fields(all => ({ accumulate: all.number('gradient_accumulation_steps') ?? 1 })),
  },
  seed: {
    ...int(),
    role: fields(all => {
      const seed = all.number('seed');
      return seed === null ? {} : { seed };
    }),
  },

  optimizer_type: { ...text(''), role: fields(optimizerFieldsFrom) },
  use_8bit_adam: { ...flag, role: withOptimizer },
  use_lion_optimizer: { ...flag, role: withOptimizer },
  optimizer_args: { ...text(), isList: true, role: withOptimizer },
  learning_rate: { ...float(2e-6), role: nothing('read with network_module and optimizer_type') },
  unet_lr: { ...float(), role: nothing('read with network_module') },
  text_encoder_lr: { ...float(), isList: true, role: nothing('read with network_module') },
  max_grad_norm: {
    ...float(1),
    role: fields(all => ({ maxGradientNorm: all.number('max_grad_norm') ?? 1 })),
  },
  fused_backward_pass: { ...flag, role: sameNumbers },
  lr_scheduler: { ...text('constant'), role: fields(scheduleFieldsFrom) },
  lr_warmup_steps: {
    ...share,
    role: fields((all, context) =>
      all.text('optimizer_type')?.toLowerCase().endsWith('schedulefree')
        ? {}
        : { warmupSteps: stepsFrom(all.number('lr_warmup_steps'), context) },
    ),
  },
  lr_decay_steps: { ...share, role: withSchedule },
  lr_scheduler_num_cycles: { ...int(1), role: withSchedule },
  lr_scheduler_power: { ...float(1), role: withSchedule },
  lr_scheduler_min_lr_ratio: { ...float(), role: withSchedule },
  lr_scheduler_timescale: {
    ...int(),
    role: missing(
      'the square root begins at the warm-up, or at ten thousand steps',
      all => all.text('lr_scheduler') === 'inverse_sqrt',
    ),
  },
  lr_scheduler_type: {
    ...text(''),
    role: missing('schedules are those of lr_scheduler; a class is Python code'),
  },
  lr_scheduler_args: {
    ...text(),
    isList: true,
    role: missing('schedules have the settings that they have here'),
  },

  min_snr_gamma: { ...float(), role: fields(all => ({ minSnrGamma: all.number('min_snr_gamma') ?? 0 })) },
  debiased_estimation_loss: {
    ...flag,
    role: fields(all => ({ debiased: all.flag('debiased_estimation_loss') })),
  },
  scale_v_pred_loss_like_noise_pred: {
    ...flag,
    role: fields(all => ({ scaleVLoss: all.flag('scale_v_pred_loss_like_noise_pred') })),
  },
  v_pred_like_loss: { ...float(), role: fields(all => ({ vLikeLoss: all.number('v_pred_like_loss') ?? 0 })) },
  noise_offset: { ...float(), role: fields(all => ({ noiseOffset: all.number('noise_offset') ?? 0 })) },
  noise_offset_random_strength: {
    ...flag,
    role: fields(all => ({
      noiseOffsetRandom: all.flag('noise_offset_random_strength') && hasNoiseOffset(all),
    })),
  },
  adaptive_noise_scale: {
    ...float(),
    role: fields(all => ({ adaptiveNoiseScale: all.number('adaptive_noise_scale') ?? 0 })),
  },
  multires_noise_iterations: {
    ...int(),
    role: fields(all => ({ multiresIterations: all.number('multires_noise_iterations') ?? 0 })),
  },
  multires_noise_discount: {
    ...float(0.3),
    role: fields(all => ({ multiresDiscount: all.number('multires_noise_discount') ?? 0.3 })),
  },
  ip_noise_gamma: {
    ...float(),
    role: fields(all => ({ inputPerturbation: all.number('ip_noise_gamma') ?? 0 })),
  },
  ip_noise_gamma_random_strength: {
    ...flag,
    role: fields(all => ({ inputPerturbationRandom: all.flag('ip_noise_gamma_random_strength') })),
  },
  zero_terminal_snr: {
    ...flag,
    // Without the flag the base decides, as with v_parameterization.
    role: fields(all => (all.flag('zero_terminal_snr') ? { zeroTerminalSnr: true } : {})),
  },
  min_timestep: { ...int(), role: fields(all => ({ minTimestep: all.number('min_timestep') ?? 0 })) },
  max_timestep: { ...int(), role: fields(all => ({ maxTimestep: all.number('max_timestep') })) },
  loss_type: {
    ...text('l2', ['l1', 'l2', 'huber', 'smooth_l1']),
    role: fields(all => ({ loss: (all.text('loss_type') ?? 'l2') as 'l2' })),
  },
  huber_schedule: {
    ...text('snr', ['constant', 'exponential', 'snr']),
    role: fields(all => ({ huberSchedule: (all.text('huber_schedule') ?? 'snr') as 'snr' })),
  },
  huber_c: { ...float(0.1), role: fields(all => ({ huberC: all.number('huber_c') ?? 0.1 })) },
  huber_scale: { ...float(1), role: fields(all => ({ huberScale: all.number('huber_scale') ?? 1 })) },

  validation_split: {
    ...float(0),
    role: fields(all => ({ validationShare: all.number('validation_split') ?? 0 })),
  },
  validate_every_n_steps: {
    ...int(),
    role: fields(all => ({ validateEvery: all.number('validate_every_n_steps') ?? 0 })),
  },
  validate_every_n_epochs: {
    ...int(),
    role: omitted('looks come once an epoch, or every validateEvery steps'),
  },
  max_validation_steps: { ...int(), role: omitted('all held-out pictures are looked at') },
  validation_seed: {
    ...int(),
    role: nothing('which pictures are held out follows from the seed of the run'),
  },

  sample_prompts: { ...text(), role: place('preview prompts') },
  sample_every_n_steps: {
    ...int(),
    role: fields(all =>
      all.text('sample_prompts') && !all.number('sample_every_n_epochs')
        ? { previewEvery: Math.max(0, all.number('sample_every_n_steps') ?? 0) }
        : {},
    ),
  },
  sample_every_n_epochs: {
    ...int(),
    role: fields(all =>
      all.text('sample_prompts')
        ? { previewEveryEpochs: Math.max(0, all.number('sample_every_n_epochs') ?? 0) }
        : {},
    ),
  },
  sample_at_first: { ...flag, role: omitted('previews show the base without the LoRA beside each picture') },
  sample_sampler: { ...text('ddim'), role: omitted('previews have their own sampler') },

  gradient_checkpointing: {
    ...flag,
    role: fields(all => ({ recompute: all.flag('gradient_checkpointing') })),
  },
  cpu_offload_checkpointing: { ...flag, role: sameNumbers },
  mixed_precision: { ...text('no', ['no', 'fp16', 'bf16']), role: moreExact },
  full_fp16: { ...flag, role: moreExact },
  full_bf16: { ...flag, role: moreExact },
  fp8_base: { ...flag, role: heldExactly },
  fp8_base_unet: { ...flag, role: heldExactly },
  mem_eff_attn: { ...flag, role: sameNumbers },
  xformers: { ...flag, role: sameNumbers },
  sdpa: { ...flag, role: sameNumbers },
  torch_compile: { ...flag, role: sameNumbers },
  dynamo_backend: { ...text('inductor'), role: sameNumbers },
  lowram: { ...flag, role: nothing('memory is planned: see --memory') },
  highvram: { ...flag, role: nothing('memory is planned: see --memory') },
  ddp_timeout: { ...int(), role: oneDevice },
  ddp_gradient_as_bucket_view: { ...flag, role: oneDevice },
  ddp_static_graph: { ...flag, role: oneDevice },
  deepspeed: { ...flag, role: oneDevice },
  zero_stage: { ...int(2), role: oneDevice },
  offload_optimizer_device: { ...text(), role: oneDevice },
  offload_optimizer_nvme_path: { ...text(), role: oneDevice },
  offload_param_device: { ...text(), role: oneDevice },
  offload_param_nvme_path: { ...text(), role: oneDevice },
  zero3_init_flag: { ...flag, role: oneDevice },
  zero3_save_16bit_model: { ...flag, role: oneDevice },
  fp16_master_weights_and_gradients: { ...flag, role: oneDevice },

  console_log_level: { ...text(null, ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']), role: ownLog },
  console_log_file: { ...text(), role: ownLog },
  console_log_simple: { ...flag, role: ownLog },
  logging_dir: { ...text(), role: ownLog },
  log_with: { ...text(null, ['tensorboard', 'wandb', 'all']), role: notSent },
  log_prefix: { ...text(), role: ownLog },
  log_tracker_name: { ...text(), role: ownLog },
  log_tracker_config: { ...text(), role: ownLog },
  log_config: { ...flag, role: ownLog },
  wandb_run_name: { ...text(), role: notSent },
  wandb_api_key: { ...text(), role: notSent },
  config_file: { ...text(), role: place('settings') },
  output_config: { ...flag, role: nothing('lora train --write-recipe writes all settings') },
};
