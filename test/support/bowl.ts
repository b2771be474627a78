/** @file A bowl with noise for optimizers to walk down; tools/goldens/optimizers.py makes the same numbers. */
import { elementCount, type Shape, type Tensor } from '../../src/engine/index.ts';
import { uniformOf } from '../golden/hashed-weights.ts';

/** A vector, A and B of a layer, a convolution's A, and one of more than 4096 numbers with a short last block of 256. */
const shapes: Readonly<Record<string, Shape>> = {
  bias: [7],
  down: [4, 24],
  up: [12, 4, 1, 1],
  conv: [4, 3, 3, 3],
  large: [20, 260],
};

/** Where the walk starts; B is 0, as in a LoRA. */
export function bowlParameters(): Map<string, Tensor> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const uniform = uniformOf(`optimizer ${name}`, elementCount(shape));
      const data = Float32Array.from(uniform, x => (name === 'up' ? 0 : 0.1 * x));
      return [name, { shape, data }];
    }),
  );
}

const targets = new Map(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    uniformOf(`optimizer target ${name}`, elementCount(shape)),
  ]),
);

/** Gradients at the parameters in step `step` (counted from 1), of sizes from 1 to 2^-11. */
export function bowlGradients(
  parameters: ReadonlyMap<string, Tensor>,
  step: number,
): Map<string, Float32Array> {
  const gradients = new Map<string, Float32Array>();
  for (const [name, { data }] of parameters) {
    const target = targets.get(name) as Float64Array;
    const noise = uniformOf(`optimizer noise ${step} ${name}`, data.length);
    gradients.set(
      name,
      data.map((x, i) => 2 ** -(i % 12) * (x - target[i] + noise[i])),
    );
  }
  return gradients;
}

/** Up in 10 steps, then down to a half. */
export const bowlRateFactor = (step: number): number =>
  step < 10 ? step / 10 : 1 - (0.5 * (step - 10)) / 90;
