/** @file A checkpoint: text encoder(s), UNet, VAE, tokenizer and schedule of one base model, opened without loading. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { badInput } from '../../errors.ts';
import type { ClipConfig } from '../clip/text-encoder.ts';
import type { WeightSource } from '../layers.ts';
import type { UnetConfig } from '../unet/unet.ts';
import type { VaeConfig } from '../vae/vae.ts';
import {
  readClipConfig,
  readSchedulerConfig,
  readUnetConfig,
  readVaeConfig,
  type SchedulerConfig,
} from './config-files.ts';
import { checkFinite, checkUnetShapes } from './shape-check.ts';
import { openWeights } from './weights.ts';

export type Family = 'pocket' | 'sd15' | 'sd2' | 'sdxl';

export interface Part<Config> {
  readonly config: Config;
  readonly weights: WeightSource;
  /** Weight files of the part, for hashing. */
  readonly files: readonly string[];
}

export interface Checkpoint {
  readonly name: string;
  readonly path: string;
  readonly family: Family;
  readonly unet: Part<UnetConfig>;
  readonly vae: Part<VaeConfig>;
  readonly textEncoder: Part<ClipConfig>;
  readonly textEncoder2: Part<ClipConfig> | undefined;
  readonly tokenizerFolder: string;
  readonly tokenizer2Folder: string | undefined;
  readonly scheduler: SchedulerConfig;
  /** Side of the pictures it was made for, in pixels. */
  readonly resolution: number;
  /** Pixels a latent pixel stands for: 8 for every family here. */
  readonly latentScale: number;
}

/** Facts that tell the families apart; the width of the text states decides. */
const families: readonly { family: Family; contextWidth: number; resolution: number }[] = [
  { family: 'sd15', contextWidth: 768, resolution: 512 },
  { family: 'sd2', contextWidth: 1024, resolution: 768 },
  { family: 'sdxl', contextWidth: 2048, resolution: 1024 },
];

function familyOf(config: UnetConfig): Family {
  return families.find(row => row.contextWidth === config.contextWidth)?.family ?? 'pocket';
}

function requireFolder(path: string): void {
  if (!existsSync(path)) {
    throw badInput(
      'CHECKPOINT_NOT_FOUND',
      `base ${path} does not exist`,
      'Give --base pocket, or a checkpoint folder.',
    );
  }
  if (!statSync(path).isDirectory()) {
    throw badInput(
      'CHECKPOINT_NOT_A_FOLDER',
      `base ${path} is a file`,
      'Single-file checkpoints are not read yet; give a folder in the Diffusers layout.',
    );
  }
  if (!existsSync(join(path, 'unet'))) {
    throw badInput(
      'CHECKPOINT_MISSING_FILE',
      `${path} has no unet folder`,
      'The folder must be in the Diffusers layout.',
    );
  }
}

/** Opens a Diffusers folder: configs and tensor headers only; weights are read when a session needs them. */
export function openCheckpoint(path: string): Checkpoint {
  requireFolder(path);
  const part = <Config>(folder: string, stem: string, read: (folder: string) => Config): Part<Config> => {
    const weights = openWeights(join(path, folder), stem);
    return { config: read(join(path, folder)), weights, files: weights.files };
  };
  const unet = part('unet', 'diffusion_pytorch_model', readUnetConfig);
  checkUnetShapes(unet.weights, unet.config, unet.files[0]);
  const vae = part('vae', 'diffusion_pytorch_model', readVaeConfig);
  const optionalFolder = (name: string): string | undefined =>
    existsSync(join(path, name)) ? join(path, name) : undefined;
  const family = familyOf(unet.config);
  if (family === 'pocket') checkFinite(unet.weights, unet.files[0]);
  const latentScale = 2 ** (vae.config.channels.length - 1);
  const sampleSize = readUnetConfig(join(path, 'unet')).sampleSize;
  return {
    name: basename(resolve(path)),
    path: resolve(path),
    family,
    unet,
    vae,
    textEncoder: part('text_encoder', 'model', readClipConfig),
    textEncoder2: optionalFolder('text_encoder_2')
      ? part('text_encoder_2', 'model', readClipConfig)
      : undefined,
    tokenizerFolder: join(path, 'tokenizer'),
    tokenizer2Folder: optionalFolder('tokenizer_2'),
    scheduler: readSchedulerConfig(join(path, 'scheduler')),
    resolution: sampleSize
      ? sampleSize * latentScale
      : (families.find(row => row.family === family)?.resolution ?? 64),
    latentScale,
  };
}
