/** @file Opens a single-file checkpoint: recognises it and gives its parts, which are read in place. */
import { resolve } from 'node:path';
import { badInput } from '../../../errors.ts';
import type { SafetensorsFile } from '../../../files/index.ts';
import type { VaeConfig } from '../../vae/vae.ts';
import type { OpenedParts, OpenOptions, Part, TextPart } from '../checkpoint.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { checkTypes, listSome } from '../shape-check.ts';
import { type EncoderKind, encoders, sampleSizeOf } from './architectures.ts';
import { findUnet } from './find-parts.ts';
import {
  encoderInFile,
  encoderNames,
  openGivenText,
  openGivenVae,
  partTensors,
  tokenizerFor,
  vaeInFile,
} from './given-parts.ts';
import { unknownTensors } from './leftovers.ts';
import { type MatchedUnet, matchUnet } from './match-unet.ts';
import { modelName, openModelFile } from './model-file.ts';
import { type Prediction, type PredictionType, predictionOf } from './prediction.ts';
import { notesOn, type Refusal, refusalError, refusalOf } from './usable.ts';
import { noUnet, otherKind } from './what-is-it.ts';

/** What a file is, from its header and a few numbers of one tensor. */
export interface Recognised {
  readonly file: SafetensorsFile;
  readonly unet: MatchedUnet;
  readonly prediction: Prediction;
  /** Why it can be neither trained nor drawn with. */
  readonly refusal: Refusal | undefined;
}

/** Recognises a file; throws what it is when it is no checkpoint. */
export function recognise(path: string, prediction?: PredictionType): Recognised {
  const file = openModelFile(path);
  const other = otherKind(file);
  if (other) throw other;
  const place = findUnet(file);
  if (!place) throw noUnet(file);
  const unet = matchUnet(file, place);
  checkTypes(unet.weights, { file: path, nameOf: unet.weights.nameInFile });
  const refusal = refusalOf(file, unet.variant);
  return { file, unet, prediction: predictionOf(file, unet, prediction), refusal };
}

/** The noise schedule of Stable Diffusion's training. With zero terminal SNR the first step must be the last timestep. */
export function schedulerOf({ type, zeroSnr }: Prediction, isSdxl = false): SchedulerConfig {
  return {
    trainSteps: 1000,
    betaStart: 0.00085,
    betaEnd: 0.012,
    betaSchedule: 'scaled_linear',
    predictionType: type,
    timestepSpacing: zeroSnr ? 'trailing' : 'leading',
    saysSpacing: zeroSnr || isSdxl, // as the configs that were published with the models
    stepsOffset: 1,
    setAlphaToOne: false,
    rescaleZeroTerminalSnr: zeroSnr,
  };
}

function openVae({ file, unet }: Recognised, given: string | undefined): Part<VaeConfig> {
  const { family, latentFactor, name } = unet.architecture;
  const part = given === undefined ? vaeInFile(file, latentFactor) : openGivenVae(given, family);
  if (part) return part;
  const message = `${file.path} holds no autoencoder (VAE)`;
  throw badInput('CHECKPOINT_NO_VAE', message, `Give one of ${name} with --vae.`);
}

function openText({ file, unet }: Recognised, { textEncoders = [], tokenizer }: OpenOptions): TextPart[] {
  const { family, name, text } = unet.architecture;
  const given = textEncoders.length > 0 ? openGivenText(family, textEncoders, tokenizer) : [];
  return text.map((kind: EncoderKind, i) => {
    const own = given[i] ?? encoderInFile(file, kind);
    if (own) return { ...own, tokenizer: tokenizerFor(kind, tokenizer) };
    const message = `${file.path} holds no text encoder ${encoderNames[kind]} (width ${encoders[kind].hiddenSize})`;
    const hint = `Give one with --text-encoder: a file or folder of it, or of another checkpoint of ${name}.`;
    throw badInput('CHECKPOINT_NO_TEXT_ENCODER', message, hint);
  });
}

/** Tensors of a file that any part of the model is made of. */
export const usedTensors = ({ file, unet }: Pick<Recognised, 'file' | 'unet'>): Set<string> =>
  new Set([...unet.weights.used, ...partTensors(file, unet.architecture.text)]);

/** What is worth telling of a file that can be used. */
export function findingsOf({ file, unet, prediction }: Recognised): string[] {
  const unknown = unknownTensors(file.tensors.keys(), usedTensors({ file, unet }));
  return [
    ...notesOn(unet.variant),
    ...(unet.place.isAveraged ? ['there are only averaged (EMA) weights of the UNet; they are used'] : []),
    ...prediction.findings,
    ...(unknown.length > 0
      ? [`${unknown.length} tensors belong to no known part and are not read: ${listSome(unknown)}`]
      : []),
  ];
}

/** Opens a file; parts that the user gives take the place of its own. */
export function openSingle(path: string, options: OpenOptions): OpenedParts {
  const recognised = recognise(path, options.prediction);
  const { unet, prediction, refusal } = recognised;
  if (refusal) throw refusalError(path, refusal);
  const { family } = unet.architecture;
  const unetPart = { config: unet.config, weights: unet.weights, files: [path] };
  const vae = openVae(recognised, options.vae);
  const [textEncoder, textEncoder2] = openText(recognised, options);
  return {
    ...{ path: resolve(path), name: modelName(path), family, variant: unet.variant },
    ...{ unet: unetPart, vae, textEncoder, textEncoder2 },
    scheduler: schedulerOf(prediction, family === 'sdxl'),
    sampleSize: sampleSizeOf(family, prediction.type),
    zerosForNoText: family === 'sdxl',
    findings: findingsOf(recognised),
  };
}
