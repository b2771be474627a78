/** Checkpoints of the real shapes with hashed weights, in both layouts; tools/make-checkpoint.ts is their command. */
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bytesPerElement, elementCount, type Shape } from '../../src/engine/index.ts';
import { safetensorsHeader, type WeightDType } from '../../src/files/index.ts';
import { diffusersTexts, diffusersWeights } from '../../src/models/checkpoint/layout/diffusers.ts';
import { ldmMarks, ldmMetadata, ldmTensors } from '../../src/models/checkpoint/layout/ldm.ts';
import type { LaidTensor, ModelParts } from '../../src/models/checkpoint/layout/parts.ts';
import { type TypedTensor, typed, writeTensors } from '../../src/models/checkpoint/layout/write-tensors.ts';
import {
  architectures,
  autoencoder,
  encoderShapes,
  encoders,
} from '../../src/models/checkpoint/single/architectures.ts';
import type { MatchedUnet } from '../../src/models/checkpoint/single/match-unet.ts';
import { recognise, schedulerOf } from '../../src/models/checkpoint/single/open.ts';
import type { PredictionType } from '../../src/models/checkpoint/single/prediction.ts';
import type { WeightSource } from '../../src/models/index.ts';
import type { Shapes } from '../../src/models/shapes.ts';
import { clipTables } from '../../src/models/tokenizer/clip-vocabulary.ts';
import { unetShapes } from '../../src/models/unet/shapes.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { temporaryFolder } from './pictures.ts';

export const models = ['sd15', 'sd2', 'sdxl', 'ssd-1b', 'vega', 'refiner'] as const;
export type CheckpointModel = (typeof models)[number];

export interface MakeOptions {
  readonly model: CheckpointModel;
  readonly isInpaint?: boolean;
  readonly dtype?: WeightDType;
  readonly prediction?: PredictionType;
  /** Only the header is written, the data is a hole of zeros: made at once, takes no disk. */
  readonly isSparse?: boolean;
}

/** Weights that are made at each reading and kept nowhere. */
function hashedWeights(shapes: Shapes, salt: string): WeightSource {
  const shapeOf = (name: string): Shape => shapes.get(name) as Shape;
  const read = (name: string): Float32Array => hashed(salt + name, shapeOf(name));
  return { has: name => shapes.has(name), names: () => shapes.keys(), shape: shapeOf, bytes: read, read };
}

/** The parts of a published architecture. The two encoders of SDXL have weights of their own. */
export function hashedParts({ model, isInpaint = false, prediction = 'epsilon' }: MakeOptions): ModelParts {
  const architecture = architectures.find(one =>
    [one.variant as string, one.family as string].includes(model),
  );
  if (!architecture) throw new Error(`no model ${model}`);
  const unet = { ...architecture.unet, inChannels: isInpaint ? 9 : 4 };
  const vae = { ...autoencoder, scalingFactor: architecture.latentFactor };
  return {
    architecture,
    unet: { config: unet, weights: hashedWeights(unetShapes(unet), '') },
    vae: { config: vae, weights: hashedWeights(vaeShapes(vae), '') },
    text: architecture.text.map((kind, i) => ({
      kind,
      config: encoders[kind],
      weights: hashedWeights(encoderShapes(kind), i === 0 ? '' : '2.'),
    })),
    scheduler: schedulerOf({ type: prediction, zeroSnr: false, from: '', findings: [] }),
    zerosForNoText: architecture.family === 'sdxl',
  };
}

export type TensorShape = Pick<TypedTensor, 'name' | 'dtype' | 'shape'>;

/** A file of the right size whose data is a hole: every number is zero. */
export function writeSparse(
  path: string,
  tensors: readonly TensorShape[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  const header = safetensorsHeader(tensors, metadata);
  const data = tensors.reduce(
    (sum, { shape, dtype }) => sum + elementCount(shape) * bytesPerElement[dtype],
    0,
  );
  const file = openSync(path, 'w');
  writeSync(file, header);
  ftruncateSync(file, header.length + data);
  closeSync(file);
}

/** The tensors of a single file (LDM), without data. */
export function ldmShapes(options: MakeOptions): TensorShape[] {
  const { dtype = 'float16' } = options;
  return ldmTensors(hashedParts(options)).map(({ name, shape }) => ({ name, shape, dtype }));
}

async function writeWeights(
  path: string,
  tensors: readonly LaidTensor[],
  { dtype = 'float32', isSparse }: MakeOptions,
  { metadata = {}, marks = [] }: { metadata?: Record<string, string>; marks?: readonly string[] } = {},
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const list = typed(tensors, dtype);
  if (isSparse) writeSparse(path, list, metadata);
  else await writeTensors(path, list, { metadata, marks }, { wrote: () => undefined });
}

/** A UNet alone in a single file (LDM), opened as users' files are; its names and configuration are those that were recognised. */
export async function writeSingleUnet(options: MakeOptions): Promise<MatchedUnet & { remove(): void }> {
  const folder = temporaryFolder();
  const path = join(folder, 'unet.safetensors');
  const tensors = ldmTensors(hashedParts(options)).filter(({ name }) =>
    name.startsWith('model.diffusion_model.'),
  );
  await writeWeights(path, tensors, options);
  return { ...recognise(path).unet, remove: () => rmSync(folder, { recursive: true }) };
}

/** Writes a single file (`out` ends in .safetensors) or a Diffusers folder. */
export async function makeCheckpoint(out: string, options: MakeOptions): Promise<void> {
  const parts = hashedParts(options);
  if (out.endsWith('.safetensors')) {
    const head = { metadata: ldmMetadata(parts), marks: ldmMarks(parts) };
    return writeWeights(out, ldmTensors(parts), options, head);
  }
  for (const { path, tensors } of diffusersWeights(parts))
    await writeWeights(join(out, path), tensors, options);
  for (const [path, text] of diffusersTexts(parts, clipTables())) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), text);
  }
}
