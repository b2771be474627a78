/** @file LoRAs for tests: random matrices, large enough to change a picture and small enough to leave one. */
import { writeFileSync } from 'node:fs';
import { randomStream, type Tensor } from '../../src/engine/index.ts';
import { type LoraModule, type LoraWeights, serializeLora } from '../../src/lora/index.ts';
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
    .map(
      ({ target, shape: [out, ...inside] }): LoraModule => ({
        target,
        kind: 'lora',
        rank,
        alpha: rank / 2,
        tensors: {
          down: normal([rank, ...inside], 1 / Math.sqrt(inside.reduce((a, b) => a * b, 1))),
          up: normal([out, rank, ...inside.slice(1).map(() => 1)], 0.15 * size),
        },
      }),
    );
  return { modules, metadata: {} };
}

/** Writes a LoRA in kohya's format, float32. */
export function writeTestLora(path: string, lora: LoraWeights): void {
  writeFileSync(path, serializeLora(lora, { dtype: 'float32' }).bytes);
}
