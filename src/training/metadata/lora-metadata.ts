/** @file The metadata that kohya's tools and model sites read: `ss_*` of sd-scripts, and modelspec 1.0.1. */
import { createHash } from 'node:crypto';
import type { DatasetScan, TrainingItem } from '../../dataset/index.ts';
import {
  familyWords,
  float,
  floatOrNone,
  type PythonValue,
  pythonText,
  type TrainedLayer,
} from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { version } from '../../version.ts';
import { batchesPerEpoch } from '../batches.ts';
import { now } from '../clock.ts';
import { trainedScheduler } from '../objective/schedule.ts';
import { isTextLayer } from '../plan-layers.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { RunState } from '../run-state.ts';
import { datasetEntries } from './dataset-entries.ts';
import { type LoraCard, modelspecEntries } from './modelspec-entries.ts';
import { networkEntries } from './network-entries.ts';
import { objectiveWords } from './objective-words.ts';
import { optimizerText } from './optimizer-words.ts';

export interface TrainedRun {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly state: RunState;
  readonly scan: DatasetScan;
  readonly items: readonly TrainingItem[];
  /** What its maker says of the LoRA. */
  readonly card?: LoraCard;
  /** LoRAs that the run stands on, in words. */
  readonly origins?: readonly string[];
  /** Pictures that the run is judged by and does not see. */
  readonly heldOut?: number;
}

type Entries = Record<string, PythonValue>;

/** One number for all files of a run, as sd-scripts draws one; here the run decides it, so that its bytes repeat. */
export function sessionId({ fingerprint, startedAt }: Pick<RunState, 'fingerprint' | 'startedAt'>): number {
  return createHash('sha256').update(`${fingerprint} ${startedAt}`).digest().readUInt32LE();
}

function progressEntries({ recipe, state, items }: TrainedRun): Entries {
  const perEpoch = batchesPerEpoch(items, recipe.batch);
  const epochs = (steps: number): number => Math.ceil((steps * recipe.accumulate) / perEpoch);
  return {
    ss_session_id: sessionId(state),
    ss_training_started_at: float(state.startedAt),
    ss_training_finished_at: float(now()),
    ss_num_batches_per_epoch: perEpoch,
    ss_num_epochs: epochs(recipe.steps),
    ss_epoch: epochs(state.step),
    ss_steps: state.step,
    ss_max_train_steps: recipe.steps,
  };
}

/** Rates of the text encoders: None, one, or one each. */
function textRate({ recipe, layers }: TrainedRun): PythonValue {
  if (!layers.some(isTextLayer)) return null;
  const { textLearningRate, learningRate } = recipe;
  return Array.isArray(textLearningRate)
    ? textLearningRate.map(float)
    : float(textLearningRate ?? learningRate);
}

function optimizerEntries(run: TrainedRun): Entries {
  const { recipe } = run;
  return {
    ss_learning_rate: float(recipe.learningRate),
    ss_unet_lr: recipe.targets === 'none' ? null : float(recipe.learningRate),
    ss_text_encoder_lr: textRate(run),
    ss_lr_scheduler: recipe.schedule,
    ss_lr_warmup_steps: recipe.warmupSteps,
    ss_optimizer: optimizerText(recipe),
    ss_max_grad_norm: float(recipe.maxGradientNorm),
    ss_batch_size_per_device: recipe.batch,
    ss_total_batch_size: recipe.batch * recipe.accumulate,
    ss_gradient_accumulation_steps: recipe.accumulate,
    ss_gradient_checkpointing: recipe.recompute !== false,
    ss_mixed_precision: 'no',
    ss_full_fp16: false,
    ss_fp8_base: false,
    ss_fp8_base_unet: false,
    ss_lowram: false,
    ss_cache_latents: true,
    ss_seed: recipe.seed,
  };
}

/** Values of what is not done here are those that sd-scripts writes when it is not asked for it. */
function objectiveEntries({ checkpoint, recipe }: TrainedRun): Entries {
  const orNone = (x: number): PythonValue => floatOrNone(x === 0 ? null : x);
  return {
    // Soft min-SNR stands in for it, which sd-scripts has no key for.
    ss_min_snr_gamma: orNone(recipe.softMinSnrGamma > 0 ? 0 : recipe.minSnrGamma),
    ss_noise_offset: orNone(recipe.noiseOffset),
    ss_noise_offset_random_strength: recipe.noiseOffsetRandom,
    ss_adaptive_noise_scale: orNone(recipe.adaptiveNoiseScale),
    ss_multires_noise_iterations: recipe.multiresIterations || null,
    ss_multires_noise_discount: float(recipe.multiresDiscount),
    ss_ip_noise_gamma: orNone(recipe.inputPerturbation),
    ss_ip_noise_gamma_random_strength: recipe.inputPerturbationRandom,
    ss_zero_terminal_snr: trainedScheduler(checkpoint, recipe).rescaleZeroTerminalSnr,
    ss_debiased_estimation: recipe.debiased,
    ss_loss_type: recipe.loss,
    ss_huber_schedule: recipe.huberSchedule,
    ss_huber_scale: float(recipe.huberScale),
    ss_huber_c: float(recipe.huberC),
    ss_prior_loss_weight: float(1),
    ss_caption_dropout_rate: float(recipe.captionDropout),
    ss_caption_dropout_every_n_epochs: 0,
    ss_caption_tag_dropout_rate: float(0),
    ss_face_crop_aug_range: null,
    ss_resize_interpolation: 'lanczos',
  };
}

function validationEntries({ recipe, heldOut = 0 }: TrainedRun): Entries {
  const isDivided = recipe.validationShare > 0 && recipe.validationFolder === null;
  return {
    ss_num_validation_images: heldOut,
    ss_validation_seed: isDivided ? recipe.seed : null,
    ss_validation_split: float(isDivided ? recipe.validationShare : 0),
    ss_max_validation_steps: null,
    ss_validate_every_n_epochs: null,
    ss_validate_every_n_steps: recipe.validateEvery > 0 ? recipe.validateEvery : null,
  };
}

/** What no key of sd-scripts has a place for. */
function comment({ checkpoint, recipe, layers, scan, origins = [] }: TrainedRun): string {
  const exceptions = recipe.overrides.map(({ match, ...values }) => {
    const list = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    return `set ${match}: ${list.join(', ')}`;
  });
  return [
    `lora-studio ${version}`,
    ...origins,
    `targets ${recipe.targets}`,
    ...(recipe.textTargets === null ? [] : [`text targets ${recipe.textTargets}`]),
    ...(recipe.textRank === null ? [] : [`text rank ${recipe.textRank}`]),
    ...(recipe.textAlpha === null ? [] : [`text alpha ${recipe.textAlpha}`]),
    ...exceptions,
    ...(recipe.init === 'kaiming' ? [] : [`init ${recipe.init}`]),
    ...objectiveWords(recipe),
    `${layers.length} layers`,
    `${scan.pictures.length} pictures`,
    ...(checkpoint.variant === 'inpaint' ? ['inpainting base, random masks'] : []),
  ].join('; ');
}

function modelEntries(run: TrainedRun): Entries {
  return {
    ss_v2: run.checkpoint.family === 'sd2',
    ss_base_model_version: familyWords(run.checkpoint).base,
    ss_clip_skip: null,
    // Captions are read up to three times 75 tokens.
    ss_max_token_length: 225,
    ss_training_comment: comment(run),
  };
}

/** All metadata of a run's LoRA but the hashes: those of the base (base-hashes.ts) and those made with the file. */
export function loraMetadata(run: TrainedRun, title: string): Record<string, string> {
  const { checkpoint, recipe, layers, scan, items, card } = run;
  const entries: Entries = {
    ss_output_name: title,
    ...progressEntries(run),
    ...networkEntries({ recipe, layers, family: checkpoint.family }),
    ...optimizerEntries(run),
    ...objectiveEntries(run),
    ...validationEntries(run),
    ...modelEntries(run),
    ...datasetEntries(scan, items, recipe),
  };
  const texts = Object.entries(entries).map(([key, value]) => [key, pythonText(value)]);
  const spec = modelspecEntries({ checkpoint, recipe, pictures: scan.pictures.length }, title, card);
  return { ...Object.fromEntries(texts), ...spec };
}
