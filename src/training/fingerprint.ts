/** @file Fingerprints: what decides whether a run state or cached latents belong to the run at hand. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { type DatasetScan, maskRule } from '../dataset/index.ts';
import type { LoraWeights, TrainedLayer } from '../lora/index.ts';
import type { Checkpoint, WeightSource } from '../models/index.ts';
import { loraHash } from './continue-from.ts';
import { ownRules } from './data-sources.ts';
import { type Recipe, unusualFields, usualFields } from './recipe/recipe.ts';
import { savingFields } from './recipe/saving-fields.ts';
import { isExactBase } from './step-pool.ts';

interface WeightChoice {
  readonly names?: RegExp;
  /** Bytes looked at in the middle of every tensor; all of them unless said. */
  readonly sample?: number;
}

type ByteReader = (path: string, start: number, length: number) => Uint8Array;

/** Keeps files open while `work` reads from them. */
function withReader(work: (read: ByteReader) => void): void {
  const handles = new Map<string, number>();
  try {
    work((path, start, length) => {
      const handle = handles.get(path) ?? openSync(path, 'r');
      handles.set(path, handle);
      const block = Buffer.alloc(length);
      return block.subarray(0, readSync(handle, block, 0, length, start));
    });
  } finally {
    for (const handle of handles.values()) closeSync(handle);
  }
}

/** Adds name, shape and content of weights to `hash`. Checkpoints share layouts, so sizes and headers say nothing. */
function addWeights(
  hash: Hash,
  weights: WeightSource,
  { names = /./, sample = 2 ** 40 }: WeightChoice,
): void {
  withReader(read => {
    for (const name of [...weights.names()].filter(n => names.test(n)).sort()) {
      hash.update(`${name} ${weights.shape(name)}\n`);
      const bytes = weights.bytes(name);
      if (!('path' in bytes)) {
        const { buffer, byteOffset, byteLength } = weights.read(name);
        hash.update(new Uint8Array(buffer, byteOffset, byteLength));
        continue;
      }
      const length = Math.min(bytes.length, sample);
      const start = bytes.offset + Math.floor((bytes.length - length) / 2);
      hash.update(read(bytes.path, start, length));
    }
  });
}

/** What latents depend on: every weight of the VAE's encoder, and the factor they are scaled by. */
export function encoderFingerprint({ vae }: Checkpoint): string {
  const hash = createHash('sha256').update(JSON.stringify(vae.config));
  addWeights(hash, vae.weights, { names: /^(encoder|quant_conv)\./ });
  return hash.digest('hex');
}

/** What text states depend on: the encoders but those that are left out. */
export function textFingerprint(
  { textEncoder, textEncoder2 }: Checkpoint,
  without: ReadonlySet<string> = new Set(),
): string {
  const hash = createHash('sha256');
  const parts = { text_encoder: textEncoder, text_encoder_2: textEncoder2 };
  for (const [name, part] of Object.entries(parts)) {
    if (!part || without.has(name)) continue;
    hash.update(JSON.stringify([name, part.config]));
    addWeights(hash, part.weights, {});
  }
  return hash.digest('hex');
}

/** 4 KiB of every tensor: fine-tuning moves all of it, and a large checkpoint is not read whole. */
const sampleBytes = 4096;

/**
 * A recipe as it was before it could say `name`: fields that are as usual are left out, so that a run state from then
 * still belongs to its run. What a run leaves on the way changes no number of it.
 */
function withoutUsual(recipe: Recipe): Partial<Recipe> {
  const isPlain = ([name]: [string, unknown]): boolean =>
    !Object.hasOwn(usualFields, name) && !Object.hasOwn(savingFields, name);
  return { ...Object.fromEntries(Object.entries(recipe).filter(isPlain)), ...unusualFields(recipe) };
}

/** What a run resumes by: recipe, pictures, captions and base model. Not how often it saves, nor how exact weights are held. */
export function runFingerprint(
  recipe: Recipe,
  scan: DatasetScan,
  checkpoint: Checkpoint,
  layers: readonly TrainedLayer[],
  from?: LoraWeights,
): string {
  const { baseWeights } = recipe;
  const isExact = isExactBase(checkpoint, layers, baseWeights);
  const fields = withoutUsual({ ...recipe, baseWeights: isExact ? 'file' : baseWeights });
  const pictures = scan.pictures.map(picture => {
    const { hash, caption, repeats } = picture;
    return [hash, caption, repeats, ...ownRules(picture, recipe)];
  });
  const hash = createHash('sha256');
  const { unet, textEncoder, textEncoder2, variant } = checkpoint;
  const { saysSpacing: _, ...scheduler } = checkpoint.scheduler; // training takes no steps of a sampler
  const facts = [fields, pictures, scheduler, encoderFingerprint(checkpoint)];
  hash.update(JSON.stringify([...facts, ...(variant === 'inpaint' ? [maskRule] : [])]));
  for (const part of [unet, textEncoder, textEncoder2]) {
    if (part) addWeights(hash, part.weights, { sample: sampleBytes });
  }
  if (from) hash.update(loraHash(from));
  return hash.digest('hex');
}
