/** @file A checkpoint folder in the Diffusers layout: each part in a folder of its own, with its config. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { badInput } from '../../errors.ts';
import { clipShapes } from '../clip/shapes.ts';
import type { ClipConfig } from '../clip/text-encoder.ts';
import type { Shapes } from '../shapes.ts';
import { openTokenizer } from '../tokenizer/index.ts';
import { unetShapes } from '../unet/shapes.ts';
import type { UnetConfig } from '../unet/unet.ts';
import { vaeShapes } from '../vae/shapes.ts';
import type { VaeConfig } from '../vae/vae.ts';
import type { Family, OpenedParts, OpenOptions, Part, TextPart } from './checkpoint.ts';
import {
  checkModelIndex,
  readClipConfig,
  readSchedulerConfig,
  readUnetConfig,
  readVaeConfig,
  readZerosForNoText,
} from './config-files.ts';
import { clipName, vaeName } from './names.ts';
import { checkShapes } from './shape-check.ts';
import { inputVariants, type Variant } from './single/architectures.ts';
import { openGivenText, openGivenVae } from './single/given-parts.ts';
import { notesOn, refusalError, refusalOfVariant } from './single/usable.ts';
import { type NameMap, openWeights } from './weights.ts';

/** Facts that tell the families apart: SDXL's UNet reads pooled text, else the width of the text states decides. */
function familyOf({ additionWidth, contextWidth }: UnetConfig): Family {
  if (additionWidth !== undefined) return 'sdxl';
  return contextWidth === 768 ? 'sd15' : contextWidth === 1024 ? 'sd2' : 'pocket';
}

function variantOf({ inChannels, midTransformerLayers, transformerLayers, channels }: UnetConfig): Variant {
  if (channels[0] === 384 && channels.length === 4) return 'refiner';
  if (midTransformerLayers === 0) return transformerLayers.at(-1) === 2 ? 'vega' : 'ssd-1b';
  return inputVariants.get(inChannels) ?? 'base';
}

function openPart<Config>(
  folder: string,
  config: Config,
  shapes: Shapes,
  { stem = 'diffusion_pytorch_model', nameOf }: { stem?: string; nameOf?: NameMap } = {},
): Part<Config> {
  const weights = openWeights(folder, stem, nameOf);
  checkShapes(weights, shapes, { file: weights.files.length === 1 ? weights.files[0] : folder });
  return { config, weights, files: weights.files };
}

/** The autoencoder in a part's folder. */
export function openVaeFolder(folder: string): Part<VaeConfig> {
  const config = readVaeConfig(folder);
  return openPart(folder, config, vaeShapes(config), { nameOf: vaeName });
}

/** The text encoder in a part's folder; SDXL's second projects its pooled output. */
export function openTextFolder(folder: string, projects: boolean): Part<ClipConfig> {
  const config = readClipConfig(folder);
  const options = { stem: 'model', nameOf: clipName({ projects }) };
  return openPart(folder, config, clipShapes(config, { projects }), options);
}

function openText(path: string, suffix: '' | '_2', tokenizer: string | undefined): TextPart {
  const part = openTextFolder(join(path, `text_encoder${suffix}`), suffix === '_2');
  return { ...part, tokenizer: openTokenizer(tokenizer ?? join(path, `tokenizer${suffix}`)) };
}

function requireUnet(path: string): void {
  checkModelIndex(path);
  if (existsSync(join(path, 'unet'))) return;
  const message = `${path} has no unet folder`;
  throw badInput('CHECKPOINT_MISSING_FILE', message, 'The folder must be in the Diffusers layout.');
}

/** Opens a folder; parts that the user gives take the place of its own. */
export function openFolder(path: string, options: OpenOptions): OpenedParts {
  requireUnet(path);
  const config = readUnetConfig(join(path, 'unet'));
  const scheduler = readSchedulerConfig(join(path, 'scheduler'));
  const family = familyOf(config);
  const { vae, textEncoders = [], tokenizer, prediction } = options;
  const given = textEncoders.length > 0 ? openGivenText(family, textEncoders, tokenizer) : undefined;
  const variant = variantOf(config);
  const parts = {
    ...{ path: resolve(path), name: basename(resolve(path)), family, variant },
    unet: openPart(join(path, 'unet'), config, unetShapes(config)),
    vae: vae === undefined ? openVaeFolder(join(path, 'vae')) : openGivenVae(vae, family),
    textEncoder: given?.[0] ?? openText(path, '', tokenizer),
    textEncoder2: family === 'sdxl' ? (given?.[1] ?? openText(path, '_2', tokenizer)) : undefined,
    scheduler: { ...scheduler, ...(prediction ? { predictionType: prediction } : {}) },
    sampleSize: config.sampleSize,
    zerosForNoText: family === 'sdxl' && readZerosForNoText(path),
    findings: notesOn(variant),
  };
  const refusal = refusalOfVariant(variant);
  if (refusal) throw refusalError(path, refusal);
  return parts;
}
