/** @file Starting values of trained tensors. All but PiSSA's start at the base model: some factor of ΔW is zero. */
import {
  elementCount,
  openProducts,
  type Products,
  randomStream,
  type Tensor,
  zeros,
} from '../../engine/index.ts';
import { orthogonalStart, pissaStart } from './starts.ts';
import { type Start, type TrainedRole, type TrainedTensor, trainedTensors } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

/** The weight of a layer of the base model, in float32. */
export type BaseWeights = (target: string) => Float32Array;

const withoutBase: BaseWeights = target => {
  throw new Error(`${target} starts from its weight, which was not given`);
};

/** √Σx² of each output or each input of a weight: the norms that DoRA starts with. */
function baseNorms(weight: Float32Array, { shape, decomposed }: TrainedLayer): Float32Array {
  const [out, inside, ...kernel] = shape;
  const area = kernel.reduce((a, b) => a * b, 1);
  const sums = new Float64Array(decomposed === 'output' ? out : inside);
  for (let i = 0; i < weight.length; i++) {
    const group = decomposed === 'output' ? Math.floor(i / (inside * area)) : Math.floor(i / area) % inside;
    sums[group] += weight[i] ** 2;
  }
  return Float32Array.from(sums, Math.sqrt);
}

/** One random stream a tensor, so that it starts the same whatever else is trained. */
function fill(start: Start, { shape }: TrainedTensor, seed: number, purpose: string): Tensor {
  const tensor = zeros(shape);
  if (start === 'zero' || start === 'norm of the base') return tensor;
  const random = randomStream(seed, purpose);
  if (start !== 'kaiming') {
    for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = start.deviation * random.normal();
    return tensor;
  }
  const bound = 1 / Math.sqrt(elementCount(shape.slice(1)));
  for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = (2 * random.uniform() - 1) * bound;
  return tensor;
}

/** PEFT's and diffusers' "gaussian" has a standard deviation of 1/rank. */
const startOf = (layer: TrainedLayer, role: TrainedRole, { start }: TrainedTensor): Start =>
  role === 'down' && layer.init === 'gaussian' ? { deviation: 1 / layer.rank } : start;

interface StartOptions {
  readonly seed: number;
  readonly base: BaseWeights;
  readonly products: Products;
}

async function startingTensors(
  layer: TrainedLayer,
  { seed, base, products }: StartOptions,
): Promise<Partial<Record<TrainedRole, Tensor>>> {
  const { target, init } = layer;
  const tensors: Partial<Record<TrainedRole, Tensor>> = {};
  for (const [role, tensor] of trainedTensors(layer)) {
    const purpose = role === 'down' ? `initial ${target}` : `initial ${target}.${role}`;
    tensors[role] = fill(startOf(layer, role, tensor), tensor, seed, purpose);
  }
  if (tensors.magnitude) tensors.magnitude.data.set(baseNorms(base(target), layer));
  const { down, up } = tensors;
  if (down && up && init === 'orthogonal') orthogonalStart(layer, { down, up }, seed);
  if (down && up && init === 'pissa') await pissaStart(layer, { down, up }, base(target), { products, seed });
  return tensors;
}

/** What a run starts from, by `<target>.<role>`. */
export async function initialParameters(
  layers: readonly TrainedLayer[],
  seed: number,
  base: BaseWeights = withoutBase,
): Promise<Map<string, Tensor>> {
  const parameters = new Map<string, Tensor>();
  const products = openProducts();
  try {
    for (const layer of layers) {
      const tensors = await startingTensors(layer, { seed, base, products });
      for (const [role, tensor] of Object.entries(tensors)) parameters.set(`${layer.target}.${role}`, tensor);
    }
  } finally {
    await products.release();
  }
  return parameters;
}
