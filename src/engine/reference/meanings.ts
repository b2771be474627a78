/** @file What each operation means: one row an operation, in float64, as plain loops. */
import type { Node } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { elementCount } from '../tensor/tensor.ts';
import { type Float64Tensor, forEachIndex, offsetOf } from './arrays.ts';
import { attention, attentionGradient, forEachConvProduct, matmul, softmax } from './products.ts';
import { erf, gelu, geluSlope, sigmoid, sigmoidUnit, sigmoidUnitSlope } from './special.ts';

/** From the inputs of a node to the elements of each of its outputs. */
export type Meaning<Op extends OpName> = (inputs: readonly Float64Tensor[], node: Node<Op>) => Float64Array[];

type Binary = 'add' | 'sub' | 'mul' | 'div';

const quickGeluAlpha = 1.702;

const each =
  <Op extends OpName>(f: (x: number, attributes: Node<Op>['attributes']) => number): Meaning<Op> =>
  ([x], { attributes }) => [x.data.map(value => f(value, attributes))];

/** cotangent · slope(x) */
const slopes =
  <Op extends OpName>(slope: (x: number) => number): Meaning<Op> =>
  ([g, x]) => [x.data.map((value, i) => g.data[i] * slope(value))];

/** out[index] = from[source(index)] for every index of the output. */
const pick =
  <Op extends OpName>(source: (index: readonly number[], x: Float64Tensor, node: Node<Op>) => number) =>
  ([x]: readonly Float64Tensor[], node: Node<Op>): Float64Array[] => {
    const out = zerosOf(node);
    forEachIndex(node.outputs[0].shape, (index, flat) => {
      out[flat] = x.data[source(index, x, node)];
    });
    return [out];
  };

function zerosOf(node: Node<OpName>): Float64Array {
  return new Float64Array(elementCount(node.outputs[0].shape));
}

const broadcast =
  (f: (a: number, b: number) => number): Meaning<Binary> =>
  ([a, b], node) => {
    const out = zerosOf(node);
    forEachIndex(node.outputs[0].shape, (index, flat) => {
      out[flat] = f(a.data[offsetOf(index, a.shape)], b.data[offsetOf(index, b.shape)]);
    });
    return [out];
  };

function sumOver(x: Float64Tensor, node: Node<OpName>): Float64Array {
  const out = zerosOf(node);
  forEachIndex(x.shape, (index, flat) => {
    out[offsetOf(index, node.outputs[0].shape)] += x.data[flat];
  });
  return out;
}

const concat: Meaning<'concat'> = (inputs, node) => {
  const { axis } = node.attributes;
  const { shape } = node.outputs[0];
  const out = zerosOf(node);
  let start = 0;
  for (const x of inputs) {
    forEachIndex(x.shape, (index, flat) => {
      out[offsetOf(index.with(axis, index[axis] + start), shape)] = x.data[flat];
    });
    start += x.shape[axis];
  }
  return [out];
};

/** Per row: (x − mean)/√(variance + ε), mean, 1/√(variance + ε); the variance is the biased one. */
function normalizeRows(x: Float64Tensor, epsilon: number): [Float64Array, Float64Array, Float64Array] {
  const width = x.shape.at(-1) as number;
  const rows = x.data.length / width;
  const normal = new Float64Array(x.data.length);
  const means = new Float64Array(rows);
  const inverseStds = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = x.data.subarray(i * width, (i + 1) * width);
    const mean = row.reduce((a, b) => a + b, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    means[i] = mean;
    inverseStds[i] = 1 / Math.sqrt(variance + epsilon);
    for (let j = 0; j < width; j++) normal[i * width + j] = (row[j] - mean) * inverseStds[i];
  }
  return [normal, means, inverseStds];
}

export const meanings: { readonly [Op in OpName]: Meaning<Op> } = {
  add: broadcast((a, b) => a + b),
  sub: broadcast((a, b) => a - b),
  mul: broadcast((a, b) => a * b),
  div: broadcast((a, b) => a / b),
  neg: each(x => -x),
  exp: each(Math.exp),
  sqrt: each(Math.sqrt),
  sin: each(Math.sin),
  cos: each(Math.cos),
  erf: each(erf),
  sigmoid: each(sigmoid),
  silu: each(x => sigmoidUnit(x, 1)),
  gelu: each(gelu),
  quickGelu: each(x => sigmoidUnit(x, quickGeluAlpha)),
  scale: each((x, { factor }) => factor * x),
  shift: each((x, { amount }) => x + amount),
  siluGradient: slopes(x => sigmoidUnitSlope(x, 1)),
  geluGradient: slopes(geluSlope),
  quickGeluGradient: slopes(x => sigmoidUnitSlope(x, quickGeluAlpha)),
  reshape: ([x]) => [x.data],
  transpose: pick((index, x, { attributes: { permutation } }) =>
    offsetOf(
      x.shape.map((_, axis) => index[permutation.indexOf(axis)]),
      x.shape,
    ),
  ),
  expand: pick((index, x) => offsetOf(index, x.shape)),
  concat,
  slice: pick((index, x, { attributes: { axis, start } }) =>
    offsetOf(index.with(axis, index[axis] + start), x.shape),
  ),
  after: ([x]) => [x.data],
  reduceSum: ([x], node) => [sumOver(x, node)],
  reduceMean: ([x], node) => {
    const sums = sumOver(x, node);
    const count = x.data.length / sums.length;
    return [sums.map(sum => sum / count)];
  },
  matmul: ([a, b], { attributes, outputs: [y] }) => [matmul(a, b, attributes, y.shape)],
  linear: ([x, w, bias], { outputs: [y] }) => {
    const product = matmul(x, w, { transposeA: false, transposeB: true, scale: 1 }, y.shape);
    return [bias ? product.map((value, i) => value + bias.data[i % y.shape[1]]) : product];
  },
  conv2d: ([x, w, bias], node) => {
    const { shape } = node.outputs[0];
    const out = zerosOf(node);
    forEachIndex(shape, ([, channel], flat) => {
      out[flat] = bias ? bias.data[channel] : 0;
    });
    const shapes = { image: x.shape, weight: w.shape, result: shape };
    forEachConvProduct(shapes, node.attributes, (image, weight, result) => {
      out[result] += x.data[image] * w.data[weight];
    });
    return [out];
  },
  conv2dInputGradient: ([g, w], node) => {
    const out = zerosOf(node);
    const shapes = { image: node.attributes.inputShape, weight: w.shape, result: g.shape };
    forEachConvProduct(shapes, node.attributes, (image, weight, result) => {
      out[image] += g.data[result] * w.data[weight];
    });
    return [out];
  },
  conv2dWeightGradient: ([g, x], node) => {
    const out = zerosOf(node);
    const shapes = { image: x.shape, weight: node.attributes.weightShape, result: g.shape };
    forEachConvProduct(shapes, node.attributes, (image, weight, result) => {
      out[weight] += g.data[result] * x.data[image];
    });
    return [out];
  },
  upsampleNearest2: pick(([n, c, y, x], image) => offsetOf([n, c, y >> 1, x >> 1], image.shape)),
  sumPool2: ([x], node) => {
    const out = zerosOf(node);
    const { shape } = node.outputs[0];
    forEachIndex(x.shape, ([n, c, row, column], flat) => {
      out[offsetOf([n, c, row >> 1, column >> 1], shape)] += x.data[flat];
    });
    return [out];
  },
  softmax: ([x]) => [softmax(x.data, x.shape.at(-1) as number)],
  normalize: ([x], { attributes }) => {
    const [normal, , inverseStd] = normalizeRows(x, attributes.epsilon);
    return [normal, inverseStd];
  },
  layerNorm: ([x, gain, bias], { attributes }) => {
    const [normal, mean, inverseStd] = normalizeRows(x, attributes.epsilon);
    const width = gain.data.length;
    return [normal.map((value, i) => value * gain.data[i % width] + bias.data[i % width]), mean, inverseStd];
  },
  attention: ([q, k, v], { attributes }) => [attention(q, k, v, attributes)],
  attentionGradient: ([g, q, k, v], { attributes }) => attentionGradient(g, q, k, v, attributes),
  gather: ([table, ids], node) => {
    const out = zerosOf(node);
    const size = table.data.length / table.shape[0];
    ids.data.forEach((id, i) => {
      if (id < 0 || id >= table.shape[0]) throw new RangeError(`gather: id ${id} of ${table.shape[0]} rows`);
      out.set(table.data.subarray(id * size, (id + 1) * size), i * size);
    });
    return [out];
  },
  gatherGradient: ([g, ids], node) => {
    const out = zerosOf(node);
    const size = g.data.length / ids.data.length;
    ids.data.forEach((id, i) => {
      for (let j = 0; j < size; j++) out[id * size + j] += g.data[i * size + j];
    });
    return [out];
  },
};
