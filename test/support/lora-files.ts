/** @file LoRA files for tests, tensor by tensor, and what they must fit: the layers of the published models. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shape } from '../../src/engine/index.ts';
import { floatTensorBytes, serializeSafetensors, type WritableTensor } from '../../src/files/index.ts';
import type { BaseLayer, LoraBase } from '../../src/lora/index.ts';
import { type NamingName, nameOf } from '../../src/lora/index.ts';
import { encoderShapes } from '../../src/models/checkpoint/single/architectures.ts';
import { architectureOf, type Family, unetShapes } from '../../src/models/index.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { temporaryFolder } from './pictures.ts';

/** Layers of a family's UNet and text encoders, from the shapes alone. */
export function baseOfFamily(family: Exclude<Family, 'pocket'>): LoraBase {
  const architecture = architectureOf(family);
  if (!architecture) throw new Error(family);
  const layersOf = (shapes: ReadonlyMap<string, Shape>, part: string): BaseLayer[] =>
    [...shapes]
      .filter(([name]) => name.endsWith('.weight') && !name.includes('embeddings.'))
      .map(([name, shape]) => ({ target: `${part}.${name.slice(0, -7)}`, shape }));
  const texts = architecture.text.flatMap((kind, i) =>
    layersOf(encoderShapes(kind), i === 0 ? 'text_encoder' : 'text_encoder_2'),
  );
  return {
    layers: [...layersOf(unetShapes(architecture.unet), 'unet'), ...texts],
    contextWidth: architecture.unet.contextWidth,
    family,
  };
}

/** A tensor of a test file: hashed numbers, or those that are given. */
export function tensor(name: string, shape: Shape, data = hashed(name, shape)): WritableTensor {
  return { name, dtype: 'float32', shape, bytes: floatTensorBytes({ shape, data }, 'float32') };
}

/** Down, up and alpha of one layer, in kohya's words. */
export function pair(
  name: string,
  [out, inside, ...kernel]: Shape,
  rank: number,
  alpha = rank,
): WritableTensor[] {
  return [
    tensor(`${name}.lora_down.weight`, [rank, inside, ...kernel]),
    tensor(`${name}.lora_up.weight`, [out, rank, ...kernel.map(() => 1)]),
    tensor(`${name}.alpha`, [], Float32Array.of(alpha)),
  ];
}

/** A plain LoRA on the layers whose target matches. */
export const pairs = (
  { layers, family = 'sd15' }: LoraBase,
  naming: NamingName,
  targets: RegExp,
  rank = 4,
): WritableTensor[] =>
  layers
    .filter(({ target, shape }) => shape.length > 1 && targets.test(target))
    .flatMap(({ target, shape }) => pair(nameOf(target, naming, family), shape, rank));

/** Writes a file of these tensors and returns its path. */
export function loraFile(
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
  name = 'lora.safetensors',
): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, serializeSafetensors(tensors, metadata));
  return path;
}
