/** @file `--base` and the options beside it: the embedded model, or a checkpoint of the user's. */
import type { Command } from 'commander';
import { badInput } from '../errors.ts';
import {
  type Checkpoint,
  type Family,
  type OpenOptions,
  openCheckpoint,
  type PredictionType,
} from '../models/index.ts';
import { basePath } from '../workbench/index.ts';
import { choiceOption, collect } from './numbers.ts';

export interface PartOptions {
  readonly vae?: string;
  readonly textEncoder: string[];
  readonly tokenizer?: string;
  readonly prediction?: PredictionType;
  readonly family?: Family;
}

export interface BaseOptions extends PartOptions {
  readonly base: string;
}

const predictions: Readonly<Record<string, PredictionType>> = {
  epsilon: 'epsilon',
  eps: 'epsilon',
  v: 'v_prediction',
  v_prediction: 'v_prediction',
};

const families: Readonly<Record<Family, Family>> = {
  sd15: 'sd15',
  sd2: 'sd2',
  sdxl: 'sdxl',
  pocket: 'pocket',
};

/** Options for parts of a checkpoint that it lacks or says wrongly. */
export function withParts(command: Command): Command {
  return command
    .option('--vae <path>', "an autoencoder in place of the base's: .safetensors file or folder")
    .option('--text-encoder <path>', "text encoder in place of the base's; twice for SDXL", collect, [])
    .option('--tokenizer <folder>', "a tokenizer in place of the base's, or of CLIP's own")
    .option(
      '--prediction <type>',
      'what the UNet predicts, epsilon or v, where it is not known',
      choiceOption('--prediction', predictions, 'epsilon or v'),
    )
    .option(
      '--family <name>',
      'stop unless the base is of this family: sd15, sd2 or sdxl',
      choiceOption('--family', families, Object.keys(families).join(', ')),
    );
}

/** `--base` with the options for its parts. */
export function withBase(command: Command): Command {
  const help = 'pocket, a .safetensors checkpoint, or a folder in the Diffusers layout';
  return withParts(command.option('--base <model>', help, 'pocket'));
}

export function partsOf({ vae, textEncoder, tokenizer, prediction }: PartOptions): OpenOptions {
  return {
    ...(vae === undefined ? {} : { vae }),
    ...(textEncoder.length === 0 ? {} : { textEncoders: textEncoder }),
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(prediction === undefined ? {} : { prediction }),
  };
}

/** Throws CHECKPOINT_WRONG_FAMILY when the user expected another. */
export function checkFamily(path: string, actual: Family, expected: Family | undefined): void {
  if (expected === undefined || expected === actual) return;
  const message = `${path} is of the family ${actual}, --family says ${expected}`;
  throw badInput('CHECKPOINT_WRONG_FAMILY', message, 'Leave --family out, or give another base.');
}

/** Opens what the options name; what is worth telling of it goes to `note`. */
export function openBase(options: BaseOptions, note: (text: string) => void): Checkpoint {
  const { family } = options;
  const path = basePath(options.base);
  const checkpoint = openCheckpoint(path, partsOf(options));
  checkFamily(path, checkpoint.family, family);
  for (const finding of checkpoint.findings) note(`${checkpoint.name}: ${finding}`);
  return checkpoint;
}
