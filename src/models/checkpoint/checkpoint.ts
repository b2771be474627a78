/** @file A checkpoint: text encoder(s), UNet, VAE, tokenizer and schedule of one base model, opened without loading. */
import { existsSync, statSync } from 'node:fs';
import { badInput } from '../../errors.ts';
import type { ClipConfig } from '../clip/text-encoder.ts';
import type { WeightSource } from '../layers.ts';
import type { ClipTokenizer } from '../tokenizer/index.ts';
import type { UnetConfig } from '../unet/unet.ts';
import type { VaeConfig } from '../vae/vae.ts';
import type { SchedulerConfig } from './config-files.ts';
import { checkFiniteWeights } from './finite.ts';
import { openFolder } from './folder.ts';
import { checkParts } from './parts-check.ts';
import type { Variant } from './single/architectures.ts';
import { openSingle } from './single/open.ts';
import type { PredictionType } from './single/prediction.ts';

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
  readonly variant: Variant;
  readonly unet: Part<UnetConfig>;
  readonly vae: Part<VaeConfig>;
  readonly textEncoder: TextPart;
  /** SDXL only: the encoder whose pooled output the UNet reads too. */
  readonly textEncoder2: TextPart | undefined;
  readonly scheduler: SchedulerConfig;
  /** Side of the pictures it was made for, in pixels. */
  readonly resolution: number;
  /** Pixels a latent pixel stands for: 8 for every family here. */
  readonly latentScale: number;
  /** SDXL base: an empty negative prompt stands for zeros instead of the states of no text. */
  readonly zerosForNoText: boolean;
  /** What is worth telling: parts that came from elsewhere, disagreement about what the UNet predicts … */
  readonly findings: readonly string[];
}

export interface OpenOptions {
  /** An autoencoder in place of the checkpoint's own: a file or a folder. */
  readonly vae?: string;
  /** Text encoders in place of the checkpoint's own: files or folders, in any order. */
  readonly textEncoders?: readonly string[];
  /** A tokenizer folder in place of the checkpoint's own, or of CLIP's own for single files. */
  readonly tokenizer?: string;
  /** What the UNet predicts, where the checkpoint says it wrongly or not at all. */
  readonly prediction?: PredictionType;
}

/** What single files and folders give alike. */
export type OpenedParts = Omit<Checkpoint, 'resolution' | 'latentScale'> & {
  /** Side of the latents that the UNet was made for, where it is known. */
  readonly sampleSize: number | undefined;
};

/** Sides of the pictures a family was made for, where the config does not say. */
const resolutions: Readonly<Record<Family, number>> = { pocket: 64, sd15: 512, sd2: 768, sdxl: 1024 };

/** Weight files together of a checkpoint that is read whole when it is opened, to find NaN before anything is done. */
const smallBytes = 100e6;

/** The parts with weights, in the order in which they are shown. */
export function partList({
  unet,
  vae,
  textEncoder,
  textEncoder2,
}: Pick<Checkpoint, 'unet' | 'vae' | 'textEncoder' | 'textEncoder2'>): Part<unknown>[] {
  return [unet, vae, textEncoder, ...(textEncoder2 ? [textEncoder2] : [])];
}

/** What stands in front of the names of layers. */
export type LayerPart = 'unet' | 'text_encoder' | 'text_encoder_2';

/** The UNet and the text encoders, by what their layers' names begin with. */
export function weightsByPart({
  unet,
  textEncoder,
  textEncoder2,
}: Pick<Checkpoint, 'unet' | 'textEncoder' | 'textEncoder2'>): ReadonlyMap<LayerPart, WeightSource> {
  const parts = new Map<LayerPart, WeightSource>([
    ['unet', unet.weights],
    ['text_encoder', textEncoder.weights],
  ]);
  if (textEncoder2) parts.set('text_encoder_2', textEncoder2.weights);
  return parts;
}

/** Throws CHECKPOINT_NOT_FINITE for a small checkpoint with NaN in it; in a large one, sessions find it (blameWeights). */
function checkSmall(parts: readonly Part<unknown>[]): void {
  const bytes = parts.flatMap(({ files }) => files).reduce((sum, file) => sum + statSync(file).size, 0);
  if (bytes <= smallBytes) for (const { weights } of parts) checkFiniteWeights(weights);
}

/**
 * Opens a single file or a folder in the Diffusers layout: configs, vocabularies and tensor headers; weights are read
 * when a session needs them. All that can be wrong is found here, but for NaN in large files.
 */
export function openCheckpoint(path: string, options: OpenOptions = {}): Checkpoint {
  if (!existsSync(path)) {
    const hint = 'Give --base pocket, a .safetensors file or a checkpoint folder.';
    throw badInput('CHECKPOINT_NOT_FOUND', `base ${path} does not exist`, hint);
  }
  const open = statSync(path).isDirectory() ? openFolder : openSingle;
  const { sampleSize, ...parts } = open(path, options);
  checkParts(parts);
  checkSmall(partList(parts));
  const { family } = parts;
  const latentScale = 2 ** (parts.vae.config.channels.length - 1);
  const resolution = sampleSize ? sampleSize * latentScale : resolutions[family];
  return { ...parts, resolution, latentScale };
}
