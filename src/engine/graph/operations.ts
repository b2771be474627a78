/** @file Every operation of the graph as data: its attributes, the shapes it makes, and what it costs. */
import { elementCount, type Shape, sameShape } from '../tensor/tensor.ts';

type None = Record<never, never>;
/** Padding in pixels: top, left, bottom, right. */
export type Pads = readonly [number, number, number, number];
export interface ConvAttributes {
  readonly stride: number;
  readonly pads: Pads;
}

/** Attributes of each operation. All shapes are static. */
export interface Attributes {
  // Element by element, with NumPy broadcasting.
  add: None;
  sub: None;
  mul: None;
  div: None;
  // Element by element.
  neg: None;
  exp: None;
  sqrt: None;
  sin: None;
  cos: None;
  erf: None;
  sigmoid: None;
  silu: None;
  gelu: None; // exact: x·Φ(x)
  quickGelu: None; // x·sigmoid(1.702·x), CLIP's activation
  scale: { readonly factor: number };
  shift: { readonly amount: number };
  // (cotangent, x) → cotangent of x
  siluGradient: None;
  geluGradient: None;
  quickGeluGradient: None;
  // Layout.
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  expand: { readonly shape: Shape };
  concat: { readonly axis: number };
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  // x, dependencies… → x, but not before the dependencies: orders execution and forbids merging of recomputed nodes.
  after: None;
  // Reductions keep the reduced axes as size 1.
  reduceSum: { readonly axes: readonly number[] };
  reduceMean: { readonly axes: readonly number[] };
  // scale · op(a) · op(b); leading axes broadcast, either side may be a plain matrix.
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly scale: number };
  // x [tokens, in], weight [out, in], bias [out]? → [tokens, out]
  linear: None;
  // x [n, in, h, w], weight [out, in, k, k], bias [out]? → [n, out, h', w']
  conv2d: ConvAttributes;
  conv2dInputGradient: ConvAttributes & { readonly inputShape: Shape };
  conv2dWeightGradient: ConvAttributes & { readonly weightShape: Shape };
  upsampleNearest2: None;
  sumPool2: None;
  softmax: None; // last axis
  // x [… , m] → (x − mean)/std over the last axis, and 1/std [… , 1]
  normalize: { readonly epsilon: number };
  // x [… , m], gain [m], bias [m] → y, mean [… , 1], 1/std [… , 1]
  layerNorm: { readonly epsilon: number };
  // q [n, t, c], k [n, s, c], v [n, s, c] → [n, t, c]; softmax(q·kᵀ·scale)·v per head, nothing kept for backward
  attention: { readonly heads: number; readonly scale: number };
  // (cotangent, q, k, v, output) → cotangents of q, k, v
  attentionGradient: { readonly heads: number; readonly scale: number };
  // table [rows, d], ids (int64) → ids.shape + [d]
  gather: None;
  // (cotangent, ids) → [rows, d]
  gatherGradient: { readonly rows: number };
}

export type OpName = keyof Attributes;

export interface Operation<Op extends OpName> {
  readonly shapes: (inputs: readonly Shape[], attributes: Attributes[Op]) => Shape[];
  /** Multiply–adds counted twice; absent where the cost is memory traffic only. */
  readonly flops?: (
    inputs: readonly Shape[],
    outputs: readonly Shape[],
    attributes: Attributes[Op],
  ) => number;
}

export class ShapeError extends Error {}

function fail(op: string, shapes: readonly Shape[], why: string): never {
  throw new ShapeError(`${op}: ${why}; input shapes ${shapes.map(shape => `[${shape}]`).join(' ')}`);
}

/** NumPy broadcasting of two shapes. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) fail(op, [a, b], 'shapes do not broadcast');
    out.push(x === 1 ? y : x);
  }
  return out;
}

const broadcasting = (name: string) => ({
  shapes: ([a, b]: readonly Shape[]) => [broadcastShapes(name, a, b)],
});
const same = { shapes: ([x]: readonly Shape[]) => [x] };
const likeSecond = (name: string) => ({
  shapes: ([g, x]: readonly Shape[]) =>
    elementCount(g) === elementCount(x) ? [x] : fail(name, [g, x], 'sizes differ'),
});

function reduced(op: string, shape: Shape, axes: readonly number[]): Shape {
  if (axes.some(axis => shape[axis] === undefined)) fail(op, [shape], `no axis of [${axes}]`);
  return shape.map((size, i) => (axes.includes(i) ? 1 : size));
}

function matmulShapes([a, b]: readonly Shape[], { transposeA, transposeB }: Attributes['matmul']): Shape[] {
  const [m, k] = transposeA ? [a.at(-1), a.at(-2)] : [a.at(-2), a.at(-1)];
  const [k2, n] = transposeB ? [b.at(-1), b.at(-2)] : [b.at(-2), b.at(-1)];
  if (k !== k2 || m === undefined || n === undefined)
    fail('matmul', [a, b], `inner sizes ${k} and ${k2} differ`);
  return [[...broadcastShapes('matmul', a.slice(0, -2), b.slice(0, -2)), m, n]];
}

function conv2dShapes([x, w, b]: readonly Shape[], { stride, pads }: ConvAttributes): Shape[] {
  if (x.length !== 4 || w.length !== 4 || x[1] !== w[1]) fail('conv2d', [x, w], 'channels do not agree');
  if (w[2] !== w[3]) fail('conv2d', [x, w], 'the kernel is not square');
  if (b && b[0] !== w[0]) fail('conv2d', [x, w, b], 'bias does not fit');
  const height = Math.floor((x[2] + pads[0] + pads[2] - w[2]) / stride) + 1;
  const width = Math.floor((x[3] + pads[1] + pads[3] - w[3]) / stride) + 1;
  if (height < 1 || width < 1) fail('conv2d', [x, w], 'the picture is smaller than the kernel');
  return [[x[0], w[0], height, width]];
}

const convFlops = (weight: Shape, image: Shape): number =>
  2 * elementCount(weight) * image[0] * image[2] * image[3];

/** One row an operation. */
export const operations: { readonly [Op in OpName]: Operation<Op> } = {
  add: broadcasting('add'),
  sub: broadcasting('sub'),
  mul: broadcasting('mul'),
  div: broadcasting('div'),
  neg: same,
  exp: same,
  sqrt: same,
  sin: same,
  cos: same,
  erf: same,
  sigmoid: same,
  silu: same,
  gelu: same,
  quickGelu: same,
  scale: { shapes: ([x]) => [x] },
  shift: { shapes: ([x]) => [x] },
  siluGradient: likeSecond('siluGradient'),
  geluGradient: likeSecond('geluGradient'),
  quickGeluGradient: likeSecond('quickGeluGradient'),
  reshape: {
    shapes: ([x], { shape }) =>
      elementCount(x) === elementCount(shape) ? [shape] : fail('reshape', [x], `cannot become [${shape}]`),
  },
  transpose: {
    shapes: ([x], { permutation }) => {
      const axes = new Set(permutation.filter(axis => x[axis] !== undefined));
      if (axes.size !== x.length || permutation.length !== x.length)
        fail('transpose', [x], `[${permutation}] is not an order of the axes`);
      return [permutation.map(axis => x[axis])];
    },
  },
  expand: {
    shapes: ([x], { shape }) => {
      const wide = broadcastShapes('expand', x, shape);
      return sameShape(wide, shape) ? [shape] : fail('expand', [x], `not to [${shape}]`);
    },
  },
  concat: {
    shapes: (inputs, { axis }) => {
      const [first] = inputs;
      for (const shape of inputs) {
        const fits =
          shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]);
        if (!fits || shape[axis] === undefined) fail('concat', inputs, `do not join on axis ${axis}`);
      }
      return [first.map((size, i) => (i === axis ? inputs.reduce((sum, s) => sum + s[axis], 0) : size))];
    },
  },
  slice: {
    shapes: ([x], { axis, start, end }) => {
      if (start < 0 || !(end <= x[axis]) || start >= end)
        fail('slice', [x], `${start}…${end} on axis ${axis}`);
      return [x.map((size, i) => (i === axis ? end - start : size))];
    },
  },
  after: { shapes: ([x]) => [x] },
  reduceSum: { shapes: ([x], { axes }) => [reduced('reduceSum', x, axes)] },
  reduceMean: { shapes: ([x], { axes }) => [reduced('reduceMean', x, axes)] },
  matmul: {
    shapes: matmulShapes,
    flops: ([a], [out], { transposeA }) => 2 * elementCount(out) * (transposeA ? a.at(-2)! : a.at(-1)!),
  },
  linear: {
    shapes: inputs => {
      const [x, w, b] = inputs;
      if (x.length !== 2 || w.length !== 2 || x[1] !== w[1]) fail('linear', inputs, 'features do not agree');
      if (b && b[0] !== w[0]) fail('linear', inputs, 'bias does not fit');
      return [[x[0], w[0]]];
    },
    flops: ([x, w]) => 2 * x[0] * elementCount(w),
  },
  conv2d: { shapes: conv2dShapes, flops: ([, w], [out]) => convFlops(w, out) },
  conv2dInputGradient: {
    shapes: (_, { inputShape }) => [inputShape],
    flops: ([g, w]) => convFlops(w, g),
  },
  conv2dWeightGradient: {
    shapes: (_, { weightShape }) => [weightShape],
    flops: ([g], [w]) => convFlops(w, g),
  },
  upsampleNearest2: { shapes: ([x]) => [[x[0], x[1], 2 * x[2], 2 * x[3]]] },
  sumPool2: { shapes: ([x]) => [[x[0], x[1], x[2] / 2, x[3] / 2]] },
  softmax: { shapes: ([x]) => [x] },
  normalize: { shapes: ([x]) => [x, [...x.slice(0, -1), 1]] },
  layerNorm: {
    shapes: inputs => {
      const [x, gain, bias] = inputs;
      if (gain[0] !== x.at(-1) || bias[0] !== x.at(-1))
        fail('layerNorm', inputs, 'gain or bias does not fit');
      const statistics = [...x.slice(0, -1), 1];
      return [x, statistics, statistics];
    },
  },
  attention: {
    shapes: (inputs, { heads }) => {
      const [q, k, v] = inputs;
      if ([q, k, v].some(shape => shape[2] % heads !== 0))
        fail('attention', inputs, `width is not ${heads} heads`);
      const bad =
        q.length !== 3 || k.length !== 3 || q[2] !== k[2] || k[1] !== v[1] || q[0] !== k[0] || k[0] !== v[0];
      return bad ? fail('attention', inputs, 'q, k and v do not agree') : [[q[0], q[1], v[2]]];
    },
    flops: ([q, k]) => 4 * q[0] * q[1] * k[1] * q[2],
  },
  attentionGradient: {
    shapes: ([, q, k, v]) => [q, k, v],
    flops: ([, q, k]) => 10 * q[0] * q[1] * k[1] * q[2],
  },
  gather: { shapes: ([table, ids]) => [[...ids, ...table.slice(1)]] },
  gatherGradient: { shapes: ([g, ids], { rows }) => [[rows, ...g.slice(ids.length)]] },
};
