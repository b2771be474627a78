/** @file The vocabulary that models are written in: one function an operation, and the usual compositions. */
import { elementCount, type Shape, sameShape } from '../tensor/tensor.ts';
import { constant, emit, recomputable, type Value, weight } from './graph.ts';
import type { ConvAttributes } from './operations.ts';

export const add = (a: Value, b: Value): Value => emit('add', [a, b], {})[0];
export const sub = (a: Value, b: Value): Value => emit('sub', [a, b], {})[0];
export const mul = (a: Value, b: Value): Value => emit('mul', [a, b], {})[0];
export const div = (a: Value, b: Value): Value => emit('div', [a, b], {})[0];
export const neg = (x: Value): Value => emit('neg', [x], {})[0];
export const exp = (x: Value): Value => emit('exp', [x], {})[0];
export const sqrt = (x: Value): Value => emit('sqrt', [x], {})[0];
export const sin = (x: Value): Value => emit('sin', [x], {})[0];
export const cos = (x: Value): Value => emit('cos', [x], {})[0];
export const erf = (x: Value): Value => emit('erf', [x], {})[0];
export const sigmoid = (x: Value): Value => emit('sigmoid', [x], {})[0];
export const silu = (x: Value): Value => emit('silu', [x], {})[0];
/** x·Φ(x), Φ the normal distribution (Hendrycks & Gimpel 2016, exact form) */
export function gelu(x: Value): Value {
  const again = (): Value => mul(x, shift(scale(erf(scale(x, Math.SQRT1_2)), 0.5), 0.5));
  return recomputable(emit('gelu', [x], {})[0], again);
}
/** A value made anew where it is `recomputable`, else itself. */
export const again = (x: Value): Value => x.graph.recipes.get(x)?.() ?? x;

export const quickGelu = (x: Value): Value => emit('quickGelu', [x], {})[0];
export const softmax = (x: Value): Value => emit('softmax', [x], {})[0];
export const upsampleNearest2 = (x: Value): Value => emit('upsampleNearest2', [x], {})[0];
export const sumPool2 = (x: Value): Value => emit('sumPool2', [x], {})[0];
export const gather = (table: Value, ids: Value): Value => emit('gather', [table, ids], {})[0];

/** factor · x */
export const scale = (x: Value, factor: number): Value =>
  factor === 1 ? x : emit('scale', [x], { factor })[0];
/** x + amount */
export const shift = (x: Value, amount: number): Value => emit('shift', [x], { amount })[0];

/** The same elements in another shape. A view of a view is a view of the original, and each exists once. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const { origin, graph } = x;
  // A weight seen in another shape is the same bytes, not an operation.
  if (origin.kind === 'weight' && elementCount(x.shape) === elementCount(shape)) {
    return weight(graph, origin.name, shape, origin.bytes);
  }
  if (origin.kind === 'node' && origin.node.op === 'reshape') return reshape(origin.node.inputs[0], shape);
  const key = `${x.id} [${shape}]`;
  const view = graph.views.get(key) ?? emit('reshape', [x], { shape })[0];
  graph.views.set(key, view);
  return view;
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  return permutation.every((axis, i) => axis === i) ? x : emit('transpose', [x], { permutation })[0];
}

export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : emit('expand', [x], { shape })[0];
}

export function concat(values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0] : emit('concat', values, { axis })[0];
}

export function slice(x: Value, axis: number, start: number, end: number): Value {
  return start === 0 && end === x.shape[axis] ? x : emit('slice', [x], { axis, start, end })[0];
}

/** x, but computed only after `dependencies`. No copy. */
export function after(x: Value, dependencies: readonly Value[]): Value {
  return dependencies.length === 0 ? x : emit('after', [x, ...dependencies], {})[0];
}

export const reduceSum = (x: Value, axes: readonly number[]): Value => emit('reduceSum', [x], { axes })[0];
export const reduceMean = (x: Value, axes: readonly number[]): Value => emit('reduceMean', [x], { axes })[0];

export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
  scale?: number;
}

/** scale · op(a) · op(b) over the last two axes. */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  const { transposeA = false, transposeB = false, scale: factor = 1 } = options;
  return emit('matmul', [a, b], { transposeA, transposeB, scale: factor })[0];
}

/** x·matrixᵀ + bias over the last axis. x [… , in], matrix [out, in], bias [out] → [… , out] */
export function linear(x: Value, matrix: Value, bias?: Value): Value {
  const features = x.shape.at(-1) as number;
  const rows = reshape(x, [elementCount(x.shape) / features, features]);
  const y = emit('linear', bias ? [rows, matrix, bias] : [rows, matrix], {})[0];
  return reshape(y, [...x.shape.slice(0, -1), matrix.shape[0]]);
}

/** x [n, in, h, w], kernel [out, in, k, k], bias [out] → [n, out, h', w']. Default: stride 1, "same" padding. */
export function conv2d(x: Value, kernel: Value, bias?: Value, options: Partial<ConvAttributes> = {}): Value {
  const side = (kernel.shape[2] - 1) / 2;
  const { stride = 1, pads = [side, side, side, side] } = options;
  return emit('conv2d', bias ? [x, kernel, bias] : [x, kernel], { stride, pads })[0];
}

/** Group normalisation (Wu & He 2018). x [n, c, h, w], gain and bias [c]. */
export function groupNorm(x: Value, groups: number, gain: Value, bias: Value, epsilon: number): Value {
  const [n, c] = x.shape;
  const grouped = reshape(x, [n, groups, elementCount(x.shape) / (n * groups)]);
  const normal = reshape(emit('normalize', [grouped], { epsilon })[0], x.shape);
  const perChannel = [1, c, ...x.shape.slice(2).map(() => 1)];
  const [factor, summand] = [reshape(gain, perChannel), reshape(bias, perChannel)];
  return recomputable(add(mul(normal, factor), summand), () => add(summand, mul(factor, normal)));
}

/** Layer normalisation over the last axis (Ba et al. 2016). */
export function layerNorm(x: Value, gain: Value, bias: Value, epsilon: number): Value {
  const [y, mean, inverseStd] = emit('layerNorm', [x, gain, bias], { epsilon });
  return recomputable(y, () => add(mul(mul(sub(x, mean), inverseStd), gain), bias));
}

/** [n, tokens, heads·d] → [n, heads, tokens, d] */
export function splitHeads(x: Value, heads: number): Value {
  const [n, tokens, width] = x.shape;
  return transpose(reshape(x, [n, tokens, heads, width / heads]), [0, 2, 1, 3]);
}

/** [n, heads, tokens, d] → [n, tokens, heads·d] */
export function mergeHeads(x: Value): Value {
  const [n, heads, tokens, d] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [n, tokens, heads * d]);
}

/** From this many score elements a head on, attention keeps nothing and backward recomputes (measured: 1024×1024). */
const fusedAttentionFrom = 1024 * 1024;

/**
 * Scaled dot-product attention (Vaswani et al. 2017). q [n, t, c], k and v [n, s, c] → [n, t, c].
 * `mask` is added to the scores and broadcasts to [n, heads, t, s].
 */
export function attention(q: Value, k: Value, v: Value, heads: number, mask?: Value): Value {
  const factor = 1 / Math.sqrt(q.shape[2] / heads);
  if (!mask && q.shape[1] * k.shape[1] >= fusedAttentionFrom) {
    return emit('attention', [q, k, v], { heads, scale: factor })[0];
  }
  const scores = matmul(splitHeads(q, heads), splitHeads(k, heads), { transposeB: true, scale: factor });
  const weights = softmax(mask ? add(scores, mask) : scores); // [n, heads, t, s]
  return mergeHeads(matmul(weights, splitHeads(v, heads)));
}

/** Mean of all elements, as a scalar []. */
export function mean(x: Value): Value {
  const flat = reshape(x, [elementCount(x.shape)]);
  return reshape(reduceMean(flat, [0]), []);
}

export function square(x: Value): Value {
  return mul(x, x);
}

/** Sums a broadcast cotangent back to the shape it came from. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, i) =>
    i < offset || (shape[i - offset] === 1 && size !== 1) ? [i] : [],
  );
  return reshape(axes.length ? reduceSum(x, axes) : x, shape);
}

/** A float constant from plain numbers. */
export function floats(like: Value, shape: Shape, data: ArrayLike<number>): Value {
  return constant(like.graph, shape, Float32Array.from(data));
}
