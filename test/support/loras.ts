/** @file LoRAs for tests: random matrices, large enough to change a picture and small enough to leave one. */
import { writeFileSync } from 'node:fs';
import { randomStream, type Tensor } from '../../src/engine/index.ts';
import { floatTensorBytes, serializeSafetensors, type WritableTensor } from '../../src/files/index.ts';
import { kohyaName, type LoraWeights } from '../../src/lora/index.ts';
import { type Checkpoint, listLayers } from '../../src/models/index.ts';

export interface RandomLora {
  readonly seed: number;
  readonly rank: number;
  /** Which layers, by target; default: transformers, residual blocks and the text encoder. */
  readonly targets?: RegExp;
  /** Factor on the up matrices. */
  readonly size?: number;
}

const usual = /\.attentions\.|\.resnets\.\d+\.conv|samplers|^text_encoder\./;

export function randomLora(
  { unet, textEncoder }: Checkpoint,
  { seed, rank, targets = usual, size = 1 }: RandomLora,
): LoraWeights {
  const random = randomStream(seed, 'lora');
  const normal = (shape: number[], deviation: number): Tensor => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * random.normal()),
  });
  const layers = [...listLayers(unet.weights, 'unet'), ...listLayers(textEncoder.weights, 'text_encoder')];
  const modules = layers
    .filter(({ target }) => targets.test(target))
    .map(({ target, shape: [out, ...inside] }) => ({
      target,
      rank,
      alpha: rank / 2,
      down: normal([rank, ...inside], 1 / Math.sqrt(inside.reduce((a, b) => a * b, 1))),
      up: normal([out, rank, ...inside.slice(1).map(() => 1)], 0.15 * size),
    }));
  return { kind: 'lora', modules, metadata: {} };
}

/** Writes a LoRA in kohya's format, float32. */
export function writeTestLora(path: string, { modules, metadata }: LoraWeights): void {
  const entry = (name: string, { shape, data }: Tensor): WritableTensor => ({
    name,
    dtype: 'float32',
    shape,
    bytes: floatTensorBytes({ shape, data }, 'float32'),
  });
  const entries = modules.flatMap(({ target, down, up, alpha }) => [
    entry(`${kohyaName(target)}.lora_down.weight`, down),
    entry(`${kohyaName(target)}.lora_up.weight`, up),
    entry(`${kohyaName(target)}.alpha`, { shape: [], data: Float32Array.of(alpha) }),
  ]);
  writeFileSync(path, serializeSafetensors(entries, metadata));
}
