/** @file LoRAs for tests: random matrices, large enough to change a picture and small enough to leave one. */
import { writeFileSync } from 'node:fs';
import { elementCount, randomStream, type Shape, type Tensor } from '../../src/engine/index.ts';
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

/** Tensors of one module of a kind on a layer [out, in(, k, k)], by random numbers of a size that changes a picture. */
type KindMaker = (
  [out, inside, ...kernel]: Shape,
  normal: (shape: Shape, deviation: number) => Tensor,
) => Pick<LoraModule, 'kind' | 'tensors' | 'rank' | 'alpha'>;

const filled = (shape: Shape, value: number): Tensor => ({
  shape,
  data: new Float32Array(elementCount(shape)).fill(value),
});

/** One maker a kind; each fits linear layers and convolutions of even channels. */
export const kindMakers: Readonly<Record<string, KindMaker>> = {
  'lora with a Tucker core': ([out, inside, ...kernel], normal) => ({
    ...{ kind: 'lora', rank: 4, alpha: 4 },
    tensors: {
      down: normal([4, inside, ...kernel.map(() => 1)], 1 / Math.sqrt(inside)),
      mid: normal([4, 4, ...kernel], 0.3),
      up: normal([out, 4, ...kernel.map(() => 1)], 0.3),
    },
  }),
  'lora with a bias': ([out, inside, ...kernel], normal) => ({
    ...{ kind: 'lora', rank: 4, alpha: 4 },
    tensors: {
      down: normal([4, inside, ...kernel], 1 / Math.sqrt(inside)),
      up: normal([out, 4, ...kernel.map(() => 1)], 0.15),
      diff_b: normal([out], 0.1),
    },
  }),
  DoRA: ([out, inside, ...kernel], normal) => ({
    ...{ kind: 'lora', rank: 4, alpha: 4 },
    tensors: {
      down: normal([4, inside, ...kernel], 1 / Math.sqrt(inside)),
      up: normal([out, 4, ...kernel.map(() => 1)], 0.1),
      magnitude: filled([out, 1, ...kernel.map(() => 1)], 0.8),
    },
  }),
  loha: ([out, inside, ...kernel], normal) => {
    const columns = kernel.reduce((a, b) => a * b, inside);
    return {
      ...{ kind: 'loha', rank: 2, alpha: 2 },
      tensors: {
        hada_w1_a: normal([out, 2], 0.3),
        hada_w1_b: normal([2, columns], 0.3),
        hada_w2_a: normal([out, 2], 0.3),
        hada_w2_b: normal([2, columns], 0.3),
      },
    };
  },
  lokr: ([out, inside, ...kernel], normal) => ({
    ...{ kind: 'lokr', rank: 2, alpha: 2 },
    tensors: {
      lokr_w1: normal([2, 2], 0.3),
      lokr_w2_a: normal([out / 2, 2], 0.1),
      lokr_w2_b: normal([2, kernel.reduce((a, b) => a * b, inside / 2)], 0.3),
    },
  }),
  full: ([out, inside, ...kernel], normal) => ({
    ...{ kind: 'full', rank: 0, alpha: 1 },
    tensors: { diff: normal([out, inside, ...kernel], 0.02), diff_b: normal([out], 0.05) },
  }),
  'IA³': ([out], normal) => ({
    ...{ kind: 'ia3', rank: 0, alpha: 1 },
    tensors: { ia3: normal([out, 1], 0.2), on_input: filled([], 0) },
  }),
};

/** A LoRA of one kind on the layers whose target matches. */
export function randomKind(
  { unet }: Pick<Checkpoint, 'unet'>,
  kind: string,
  { seed, targets }: { readonly seed: number; readonly targets: RegExp },
): LoraWeights {
  const random = randomStream(seed, kind);
  const normal = (shape: Shape, deviation: number): Tensor => ({
    shape,
    data: Float32Array.from({ length: elementCount(shape) }, () => deviation * random.normal()),
  });
  const layers = listLayers(unet.weights, 'unet').filter(({ target }) => targets.test(target));
  return {
    modules: layers.map(({ target, shape }) => ({ target, ...kindMakers[kind](shape, normal) })),
    metadata: {},
  };
}

/** Writes a LoRA in kohya's format, float32. */
export function writeTestLora(path: string, lora: LoraWeights): void {
  writeFileSync(path, serializeLora(lora, { dtype: 'float32' }).bytes);
}
