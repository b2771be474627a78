/** @file A checkpoint: text encoder(s), UNet, VAE, tokenizer and schedule of one base model, opened without loading. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { badInput } from '../../errors.ts';
import { clipShapes } from '../clip/shapes.ts';
import type { ClipConfig } from '../clip/text-encoder.ts';
import type { WeightSource } from '../layers.ts';
import type { Shapes } from '../shapes.ts';
import { type ClipTokenizer, openTokenizer } from '../tokenizer/index.ts';
import { unetShapes } from '../unet/shapes.ts';
import type { UnetConfig } from '../unet/unet.ts';
import { vaeShapes } from '../vae/shapes.ts';
import type { VaeConfig } from '../vae/vae.ts';
import {
  checkModelIndex,
  readClipConfig,
  readSchedulerConfig,
  readUnetConfig,
  readVaeConfig,
  readZerosForNoText,
  type SchedulerConfig,
} from './config-files.ts';
import { checkFiniteWeights } from './finite.ts';
import { clipName, vaeName } from './names.ts';
import { checkParts } from './parts-check.ts';
import { checkShapes } from './shape-check.ts';
import { type NameMap, openWeights } from './weights.ts';

export type Family = 'pocket' | 'sd15' | 'sd2' | 'sdxl';

export interface Part<Config> {
  readonly config: Config;
  readonly weights: WeightSource;
  /** Weight files of the part, for hashing. */
  readonly files: readonly string[];
}

export interface TextPart extends Part<ClipConfig> {
  readonly tokenizer: ClipTokenizer;
}

export interface Checkpoint {
  readonly name: string;
  readonly path: string;
  readonly family: Family;
  readonly unet: Part<UnetConfig>;
  readonly vae: Part<VaeConfig>;
  readonly textEncoder: TextPart;
  /** SDXL only: the encoder whose pooled output the UNet reads too. */
  readonly textEncoder2: TextPart | undefined;
  readonly tokenizerFolder: string;
  readonly scheduler: SchedulerConfig;
  /** Side of the pictures it was made for, in pixels. */
  readonly resolution: number;
  /** Pixels a latent pixel stands for: 8 for every family here. */
  readonly latentScale: number;
  /** SDXL base: an empty negative prompt stands for zeros instead of the states of no text. */
  readonly zerosForNoText: boolean;
}

/** Facts that tell the families apart: SDXL's UNet reads pooled text, else the width of the text states decides. */
function familyOf({ additionWidth, contextWidth }: UnetConfig): Family {
  if (additionWidth !== undefined) return 'sdxl';
  return contextWidth === 768 ? 'sd15' : contextWidth === 1024 ? 'sd2' : 'pocket';
}

/** Sides of the pictures a family was made for, where the config does not say. */
const resolutions: Readonly<Record<Family, number>> = { pocket: 64, sd15: 512, sd2: 768, sdxl: 1024 };

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
  checkModelIndex(path);
  if (!existsSync(join(path, 'unet'))) {
    throw badInput(
      'CHECKPOINT_MISSING_FILE',
      `${path} has no unet folder`,
      'The folder must be in the Diffusers layout.',
    );
  }
}

/** Weight files together of a checkpoint that is read whole when it is opened, to find NaN before anything is done. */
const smallBytes = 100e6;

/** Throws CHECKPOINT_NOT_FINITE for a small checkpoint with NaN in it; in a large one, sessions find it (blameWeights). */
function checkSmall(parts: readonly Part<unknown>[]): void {
  const bytes = parts.flatMap(({ files }) => files).reduce((sum, file) => sum + statSync(file).size, 0);
  if (bytes <= smallBytes) for (const { weights } of parts) checkFiniteWeights(weights);
}

function openPart<Config>(
  folder: string,
  config: Config,
  shapes: Shapes,
  { stem = 'diffusion_pytorch_model', nameOf }: { stem?: string; nameOf?: NameMap } = {},
): Part<Config> {
  const weights = openWeights(folder, stem, nameOf);
  checkShapes(weights, shapes, weights.files.length === 1 ? weights.files[0] : folder);
  return { config, weights, files: weights.files };
}

/** A text encoder with its tokenizer; SDXL's second projects its pooled output. */
function openText(path: string, suffix: '' | '_2'): TextPart {
  const folder = join(path, `text_encoder${suffix}`);
  const projects = suffix === '_2';
  const config = readClipConfig(folder);
  const options = { stem: 'model', nameOf: clipName({ projects }) };
  const part = openPart(folder, config, clipShapes(config, { projects }), options);
  return { ...part, tokenizer: openTokenizer(join(path, `tokenizer${suffix}`)) };
}

/**
 * Opens a Diffusers folder: configs, vocabularies and tensor headers; weights are read when a session needs them. All
 * that can be wrong with the folder is found here, but for NaN in large files.
 */
export function openCheckpoint(path: string): Checkpoint {
  requireFolder(path);
  const unetConfig = readUnetConfig(join(path, 'unet'));
  const vaeConfig = readVaeConfig(join(path, 'vae'));
  const scheduler = readSchedulerConfig(join(path, 'scheduler'));
  const family = familyOf(unetConfig);
  const parts = {
    path: resolve(path),
    unet: openPart(join(path, 'unet'), unetConfig, unetShapes(unetConfig)),
    vae: openPart(join(path, 'vae'), vaeConfig, vaeShapes(vaeConfig), { nameOf: vaeName }),
    textEncoder: openText(path, ''),
    textEncoder2: family === 'sdxl' ? openText(path, '_2') : undefined,
  };
  checkParts(parts);
  const { unet, vae, textEncoder, textEncoder2 } = parts;
  checkSmall([unet, vae, textEncoder, ...(textEncoder2 ? [textEncoder2] : [])]);
  const latentScale = 2 ** (vaeConfig.channels.length - 1);
  return {
    ...parts,
    name: basename(resolve(path)),
    family,
    tokenizerFolder: join(path, 'tokenizer'),
    scheduler,
    resolution: unetConfig.sampleSize ? unetConfig.sampleSize * latentScale : resolutions[family],
    latentScale,
    zerosForNoText: family === 'sdxl' && readZerosForNoText(path),
  };
}
