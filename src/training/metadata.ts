/** @file The metadata that kohya's tools and model sites read: `ss_*` of sd-scripts, and modelspec 1.0.1. */
import type { DatasetScan, TrainingItem } from '../dataset/index.ts';
import type { TrainedLayer } from '../lora/index.ts';
import type { Checkpoint, Family } from '../models/index.ts';
import { version } from '../version.ts';
import { adamWDefaults } from './adamw.ts';
import { batchesPerEpoch } from './batches.ts';
import { now } from './clock.ts';
import { datasetEntries } from './dataset-metadata.ts';
import type { Recipe } from './recipe.ts';
import type { RunState } from './run-state.ts';

export interface TrainedRun {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly state: RunState;
  readonly scan: DatasetScan;
  readonly items: readonly TrainingItem[];
}

interface FamilyNames {
  readonly base: string;
  readonly architecture: string;
}

function familyNames(family: Family, velocity: boolean): FamilyNames {
  switch (family) {
    case 'pocket':
      return { base: 'lora_studio_pocket', architecture: 'lora-studio-pocket/lora' };
    case 'sd15':
      return { base: velocity ? 'sd_v1_v' : 'sd_v1', architecture: 'stable-diffusion-v1/lora' };
    case 'sd2':
      return velocity
        ? { base: 'sd_v2_v', architecture: 'stable-diffusion-v2-768-v/lora' }
        : { base: 'sd_v2', architecture: 'stable-diffusion-v2-512/lora' };
    case 'sdxl':
      return { base: 'sdxl_base_v1-0', architecture: 'stable-diffusion-xl-v1-base/lora' };
  }
}

const isVelocity = ({ scheduler }: Checkpoint): boolean => scheduler.predictionType === 'v_prediction';

/** Text as Python's `str()` gives it, which is what readers of these fields expect; objects as JSON. */
function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A number that Python holds as a float: 1 → `1.0`. */
const pythonFloat = (x: number): string => (Number.isInteger(x) ? x.toFixed(1) : String(x));

function progressEntries({ recipe, state, items }: TrainedRun): Record<string, unknown> {
  const perEpoch = batchesPerEpoch(items, recipe.batch);
  const epochs = (steps: number): number => Math.ceil((steps * recipe.accumulate) / perEpoch);
  return {
    ss_training_started_at: state.startedAt,
    ss_training_finished_at: now(),
    ss_num_train_images: items.reduce((sum, { repeats }) => sum + repeats, 0),
    ss_num_reg_images: 0,
    ss_num_batches_per_epoch: perEpoch,
    ss_num_epochs: epochs(recipe.steps),
    ss_epoch: epochs(state.step),
    ss_steps: state.step,
    ss_max_train_steps: recipe.steps,
  };
}

function networkEntries({ recipe, layers }: TrainedRun): Record<string, unknown> {
  const isConv = layers.some(({ shape }) => shape.length === 4 && shape[2] > 1);
  const conv = { conv_dim: String(recipe.rank), conv_alpha: pythonFloat(recipe.alpha) };
  return {
    ss_network_module: 'networks.lora',
    ss_network_dim: recipe.rank,
    ss_network_alpha: pythonFloat(recipe.alpha),
    ss_network_dropout: null,
    ...(isConv ? { ss_network_args: conv } : {}),
  };
}

function optimizerEntries({ recipe }: TrainedRun): Record<string, unknown> {
  const { beta1, beta2, epsilon } = adamWDefaults;
  return {
    ss_learning_rate: pythonFloat(recipe.learningRate),
    ss_unet_lr: pythonFloat(recipe.learningRate),
    ss_text_encoder_lr: null,
    ss_lr_scheduler: recipe.schedule,
    ss_lr_warmup_steps: recipe.warmupSteps,
    ss_optimizer: `AdamW(betas=(${beta1}, ${beta2}),eps=${epsilon},weight_decay=${recipe.weightDecay})`,
    ss_max_grad_norm: pythonFloat(recipe.maxGradientNorm),
    ss_batch_size_per_device: recipe.batch,
    ss_total_batch_size: recipe.batch,
    ss_gradient_accumulation_steps: recipe.accumulate,
    ss_gradient_checkpointing: recipe.recompute !== false,
    ss_mixed_precision: 'no',
    ss_full_fp16: false,
    ss_seed: recipe.seed,
  };
}

function objectiveEntries({ checkpoint, recipe }: TrainedRun): Record<string, unknown> {
  const { minSnrGamma, noiseOffset } = recipe;
  return {
    ss_min_snr_gamma: minSnrGamma === 0 ? null : pythonFloat(minSnrGamma),
    ss_noise_offset: noiseOffset === 0 ? null : pythonFloat(noiseOffset),
    ss_zero_terminal_snr: checkpoint.scheduler.rescaleZeroTerminalSnr,
    ss_debiased_estimation: false,
    ss_loss_type: 'l2',
    ss_prior_loss_weight: '1.0',
    ss_caption_dropout_rate: pythonFloat(recipe.captionDropout),
    ss_caption_dropout_every_n_epochs: 0,
    ss_caption_tag_dropout_rate: '0.0',
  };
}

function pictureEntries({ recipe }: TrainedRun): Record<string, unknown> {
  const { width, height } = recipe.resolution;
  return {
    ss_resolution: `(${width}, ${height})`,
    ss_enable_bucket: true,
    ss_bucket_no_upscale: false,
    ss_cache_latents: true,
    ss_flip_aug: recipe.flip,
    ss_color_aug: false,
    ss_random_crop: false,
    ss_shuffle_caption: false,
    ss_keep_tokens: 0,
  };
}

function modelEntries({ checkpoint, recipe, scan }: TrainedRun): Record<string, unknown> {
  return {
    ss_v2: checkpoint.family === 'sd2',
    ss_base_model_version: familyNames(checkpoint.family, isVelocity(checkpoint)).base,
    ss_sd_model_name: checkpoint.name,
    ss_clip_skip: null,
    ss_max_token_length: null,
    ss_training_comment: [
      `lora-studio ${version}`,
      `targets ${recipe.targets}`,
      `${scan.pictures.length} pictures`,
      ...(checkpoint.variant === 'inpaint' ? ['inpainting base, random masks'] : []),
    ].join('; '),
  };
}

function modelspecEntries({ checkpoint, recipe }: TrainedRun, title: string): Record<string, string> {
  const velocity = isVelocity(checkpoint);
  const { width, height } = recipe.resolution;
  return {
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': familyNames(checkpoint.family, velocity).architecture,
    'modelspec.implementation': 'diffusers',
    'modelspec.implementation_version': `lora-studio ${version}`,
    'modelspec.title': title,
    'modelspec.resolution': `${width}x${height}`,
    'modelspec.date': new Date(now() * 1000).toISOString().slice(0, 19),
    'modelspec.prediction_type': velocity ? 'v' : 'epsilon',
    ...(recipe.trigger === null ? {} : { 'modelspec.trigger_phrase': recipe.trigger }),
  };
}

/** All metadata of a run's LoRA but the hashes, which are made with the file. */
export function loraMetadata(run: TrainedRun, title: string): Record<string, string> {
  const entries = {
    ss_output_name: title,
    ...progressEntries(run),
    ...networkEntries(run),
    ...optimizerEntries(run),
    ...objectiveEntries(run),
    ...pictureEntries(run),
    ...modelEntries(run),
    ...datasetEntries(run.scan, run.items),
  };
  const texts = Object.entries(entries).map(([key, value]) => [key, pythonText(value)]);
  return { ...Object.fromEntries(texts), ...modelspecEntries(run, title) };
}
