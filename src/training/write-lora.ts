/** @file The trained LoRA as a file, with the metadata that kohya's tools and model sites read. */
import { basename, dirname, relative } from 'node:path';
import type { DatasetScan, TrainingItem } from '../dataset/index.ts';
import type { Tensor } from '../engine/index.ts';
import { type LoraModule, type WrittenFile, writeLora } from '../lora/index.ts';
import type { Checkpoint, Family, LayerInfo } from '../models/index.ts';
import { version } from '../version.ts';
import { adamWDefaults } from './adamw.ts';
import type { Recipe } from './recipe.ts';
import type { RunState } from './run-state.ts';

export type WrittenLora = WrittenFile;

export interface TrainedRun {
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
  readonly layers: readonly LayerInfo[];
  readonly state: RunState;
  readonly scan: DatasetScan;
  readonly items: readonly TrainingItem[];
}

interface FamilyNames {
  readonly base: string;
  readonly architecture: string;
  readonly v2: boolean;
}

function familyNames(family: Family, velocity: boolean): FamilyNames {
  switch (family) {
    case 'pocket':
      return { base: 'lora_studio_pocket', architecture: 'lora-studio-pocket/lora', v2: false };
    case 'sd15':
      return { base: velocity ? 'sd_v1_v' : 'sd_v1', architecture: 'stable-diffusion-v1/lora', v2: false };
    case 'sd2':
      return velocity
        ? { base: 'sd_v2_v', architecture: 'stable-diffusion-v2-768-v/lora', v2: true }
        : { base: 'sd_v2', architecture: 'stable-diffusion-v2-512/lora', v2: true };
    case 'sdxl':
      return { base: 'sdxl_base_v1-0', architecture: 'stable-diffusion-xl-v1-base/lora', v2: false };
  }
}

/** Names of folders only, never paths: nothing private goes into a file that is shared. */
function folderOf(scan: DatasetScan, path: string): string {
  const inside = relative(scan.folder, dirname(path)).split(/[\\/]/)[0];
  return inside || basename(scan.folder);
}

function datasetEntries({ scan, items }: TrainedRun): Record<string, unknown> {
  const folders: Record<string, { n_repeats: number; img_count: number }> = {};
  const tags: Record<string, Record<string, number>> = {};
  for (const { path, caption, repeats } of scan.pictures) {
    const folder = folderOf(scan, path);
    folders[folder] ??= { n_repeats: repeats, img_count: 0 };
    folders[folder].img_count++;
    tags[folder] ??= {};
    for (const tag of caption.split(',').map(part => part.trim().toLowerCase())) {
      if (tag) tags[folder][tag] = (tags[folder][tag] ?? 0) + 1;
    }
  }
  const buckets: Record<string, { resolution: number[]; count: number }> = {};
  for (const { bucket, repeats } of items) {
    const key = `${bucket.width}x${bucket.height}`;
    buckets[key] ??= { resolution: [bucket.width, bucket.height], count: 0 };
    buckets[key].count += repeats;
  }
  return {
    ss_dataset_dirs: folders,
    ss_tag_frequency: tags,
    ss_bucket_info: {
      buckets: Object.fromEntries(Object.values(buckets).map((bucket, i) => [String(i), bucket])),
    },
  };
}

/** Text as Python's `str()` gives it, which is what readers of these fields expect; objects as JSON. */
function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function trainingEntries(run: TrainedRun): Record<string, unknown> {
  const { checkpoint, recipe, state, scan, items } = run;
  const names = familyNames(checkpoint.family, checkpoint.scheduler.predictionType === 'v_prediction');
  const { width, height } = recipe.resolution;
  const imagesWithRepeats = items.reduce((sum, { repeats }) => sum + repeats, 0);
  const batches = Math.ceil(imagesWithRepeats / recipe.batch);
  const epochs = Math.ceil((recipe.steps * recipe.accumulate) / batches);
  const isConv = run.layers.some(({ shape }) => shape.length === 4 && shape[2] > 1);
  const { beta1, beta2, epsilon } = adamWDefaults;
  return {
    ss_training_started_at: state.startedAt,
    ss_training_finished_at: Math.floor(Date.now() / 1000),
    ss_learning_rate: recipe.learningRate,
    ss_unet_lr: recipe.learningRate,
    ss_text_encoder_lr: null,
    ss_num_train_images: imagesWithRepeats,
    ss_num_reg_images: 0,
    ss_num_batches_per_epoch: batches,
    ss_num_epochs: epochs,
    ss_epoch: Math.ceil((state.step * recipe.accumulate) / batches),
    ss_steps: state.step,
    ss_max_train_steps: recipe.steps,
    ss_batch_size_per_device: recipe.batch,
    ss_total_batch_size: recipe.batch * recipe.accumulate,
    ss_gradient_accumulation_steps: recipe.accumulate,
    ss_gradient_checkpointing: recipe.recompute,
    ss_lr_scheduler: recipe.schedule,
    ss_lr_warmup_steps: recipe.warmupSteps,
    ss_network_module: 'networks.lora',
    ss_network_dim: recipe.rank,
    ss_network_alpha: Number.isInteger(recipe.alpha) ? recipe.alpha.toFixed(1) : recipe.alpha,
    ss_network_args: isConv ? { conv_dim: String(recipe.rank), conv_alpha: String(recipe.alpha) } : {},
    ss_network_dropout: null,
    ss_mixed_precision: 'no',
    ss_full_fp16: false,
    ss_v2: names.v2,
    ss_base_model_version: names.base,
    ss_sd_model_name: checkpoint.name,
    ss_clip_skip: null,
    ss_max_token_length: null,
    ss_cache_latents: true,
    ss_seed: recipe.seed,
    ss_resolution: `(${width}, ${height})`,
    ss_enable_bucket: true,
    ss_flip_aug: recipe.flip,
    ss_color_aug: false,
    ss_random_crop: false,
    ss_shuffle_caption: false,
    ss_keep_tokens: 0,
    ss_caption_dropout_rate: recipe.captionDropout,
    ss_min_snr_gamma: recipe.minSnrGamma || null,
    ss_noise_offset: recipe.noiseOffset || null,
    ss_loss_type: 'l2',
    ss_optimizer: `AdamW(betas=(${beta1}, ${beta2}),eps=${epsilon},weight_decay=${recipe.weightDecay})`,
    ss_max_grad_norm: recipe.maxGradientNorm,
    ss_training_comment: `lora-studio ${version}; targets ${recipe.targets}; ${scan.pictures.length} pictures`,
    ...datasetEntries(run),
  };
}

function modelspecEntries({ checkpoint, recipe }: TrainedRun, title: string): Record<string, string> {
  const velocity = checkpoint.scheduler.predictionType === 'v_prediction';
  const { width, height } = recipe.resolution;
  return {
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': familyNames(checkpoint.family, velocity).architecture,
    'modelspec.implementation': 'diffusers',
    'modelspec.implementation_version': `lora-studio ${version}`,
    'modelspec.title': title,
    'modelspec.resolution': `${width}x${height}`,
    'modelspec.date': new Date().toISOString().slice(0, 19),
    'modelspec.prediction_type': velocity ? 'v' : 'epsilon',
    ...(recipe.trigger === null ? {} : { 'modelspec.trigger_phrase': recipe.trigger }),
  };
}

/** A and B as modules: 1×1 convolutions get their four axes back. */
function modulesOf({ layers, state, recipe }: TrainedRun): LoraModule[] {
  return layers.map(({ target, shape }) => {
    const down = state.parameters.get(`${target}.down`) as Tensor;
    const up = state.parameters.get(`${target}.up`) as Tensor;
    const [out, ...inside] = shape;
    return {
      target,
      down: { shape: [recipe.rank, ...inside], data: down.data },
      up: { shape: [out, recipe.rank, ...inside.slice(1).map(() => 1)], data: up.data },
      alpha: recipe.alpha,
      rank: recipe.rank,
    };
  });
}

/** Writes the LoRA of a run, finished or not, to `path`. */
export async function writeTrainedLora(path: string, run: TrainedRun): Promise<WrittenLora> {
  const title = basename(path).replace(/\.safetensors$/, '');
  const entries = { ss_output_name: title, ...trainingEntries(run) };
  const metadata = {
    ...Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, pythonText(value)])),
    ...modelspecEntries(run, title),
  };
  return writeLora(path, { kind: 'lora', modules: modulesOf(run), metadata }, run.recipe.precision);
}
