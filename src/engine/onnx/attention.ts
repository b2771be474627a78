/**
 * @file Attention and its backward. Backward recomputes the probabilities a slice of rows at a time (Dao et al. 2022,
 * "FlashAttention", §3.1), so that only one slice of the scores is alive.
 */
import type { Node } from '../graph/graph.ts';
import type { LoweringContext } from './context.ts';
import { product, swapLastTwo } from './products.ts';

export function attention(
  ctx: LoweringContext,
  [q, k, v]: readonly string[],
  node: Node<'attention'>,
): string[] {
  const { heads, scale } = node.attributes;
  if (ctx.capabilities.multiHeadAttention) {
    const attributes = { num_heads: heads, scale: { float: scale } };
    return [ctx.emitMicrosoft('MultiHeadAttention', [q, k, v], attributes)];
  }
  const split = (x: string, i: number): string => {
    const [n, tokens, width] = node.inputs[i].shape;
    return ctx.transpose(ctx.reshape(x, [n, tokens, heads, width / heads]), [0, 2, 1, 3]);
  };
  const scores = ctx.emit('MatMul', [split(q, 0), swapLastTwo(ctx, split(k, 1), 4)]);
  const weights = ctx.emit('Softmax', [ctx.emit('Mul', [scores, ctx.float(scale)])], { axis: -1 });
  const mixed = ctx.transpose(ctx.emit('MatMul', [weights, split(v, 2)]), [0, 2, 1, 3]);
  return [ctx.reshape(mixed, node.outputs[0].shape)];
}

/** Into how many even slices `rows` are cut so that a slice's rows × columns stays below `limit`. */
export function planParts(rows: number, columns: number, limit: number): number {
  let parts = 1;
  while ((rows / parts) * columns > limit && rows % (parts * 2) === 0) parts *= 2;
  return parts;
}

/** One slice of rows: q and g [heads, rows, d], g with −D as last column; k [heads, s, d], v with ones as last column. */
interface Slice {
  readonly q: string;
  readonly g: string;
  readonly gAndD: string;
}

interface Shared {
  readonly k: string;
  readonly vAndOnes: string;
  readonly scale: number;
}

/**
 * P = softmax(s·QKᵀ), dS = P ∘ (dO·Vᵀ − D), dQ = s·dS·K, dKᵀ = s·Qᵀ·dS, dVᵀ = dOᵀ·P. dO·Vᵀ − D is one product:
 * [dO, −D]·[V, 1]ᵀ. dK and dV are made turned, because turning the small factor is cheaper than the large one.
 */
function sliceGradients(ctx: LoweringContext, { q, g, gAndD }: Slice, { k, vAndOnes, scale }: Shared) {
  const scores = product(ctx, q, k, { transposeB: true, scale }, 3); // [heads, rows, s]
  const p = ctx.emit('Softmax', [scores], { axis: -1 });
  const ds = ctx.emit('Mul', [p, product(ctx, gAndD, vAndOnes, { transposeB: true }, 3)]);
  return {
    dq: product(ctx, ds, k, { scale }, 3), // [heads, rows, d]
    dk: product(ctx, q, ds, { transposeA: true, scale }, 3), // [heads, d, s]
    dv: product(ctx, g, p, { transposeA: true }, 3), // [heads, d, s]
  };
}

interface SlicesShape {
  readonly parts: number;
  readonly heads: number;
  readonly rows: number;
  readonly s: number;
  readonly d: number;
  readonly e: number;
}

/** dq in slices [parts, heads, rows, d]; dk [heads, d, s] and dv [heads, e, s] summed over them. */
interface AllGradients {
  readonly dq: string;
  readonly dk: string;
  readonly dv: string;
}

/** Slices are [parts, heads, rows, …]; one after the other, written out as nodes. */
function slicesWrittenOut(
  ctx: LoweringContext,
  slices: Slice,
  shared: Shared,
  { parts, heads, rows, d }: SlicesShape,
): AllGradients {
  const made = Array.from({ length: parts }, (_, i) => {
    const pick = (x: string): string => {
      const part = ctx.emit('Slice', [x, ctx.int64([i]), ctx.int64([i + 1]), ctx.int64([0])]);
      return ctx.emit('Squeeze', [part, ctx.int64([0])]);
    };
    return sliceGradients(ctx, { q: pick(slices.q), g: pick(slices.g), gAndD: pick(slices.gAndD) }, shared);
  });
  const sum = (list: readonly string[]): string => list.reduce((a, b) => ctx.emit('Add', [a, b]));
  const stacked = made.map(({ dq }) => ctx.reshape(dq, [1, heads, rows, d]));
  return {
    dq: parts === 1 ? stacked[0] : ctx.emit('Concat', stacked, { axis: 0 }),
    dk: sum(made.map(({ dk }) => dk)),
    dv: sum(made.map(({ dv }) => dv)),
  };
}

/** The same as one Scan, which carries dk and dv from slice to slice. */
function slicesInLoop(
  ctx: LoweringContext,
  slices: Slice,
  shared: Shared,
  { heads, rows, s, d, e }: SlicesShape,
): AllGradients {
  const label = ctx.newName('slice');
  const slice: Slice = { q: `${label}.q`, g: `${label}.g`, gAndD: `${label}.gAndD` };
  const [dkBefore, dvBefore] = [`${label}.dk`, `${label}.dv`];
  const port = (name: string, ...dims: number[]) => ({ name, dims, dtype: 'float32' as const });
  const { nodes, result } = ctx.capture(() => {
    const { dq, dk, dv } = sliceGradients(ctx, slice, shared);
    return { dq, dk: ctx.emit('Add', [dkBefore, dk]), dv: ctx.emit('Add', [dvBefore, dv]) };
  });
  const body = {
    nodes,
    initializers: [],
    inputs: [
      port(dkBefore, heads, d, s),
      port(dvBefore, heads, e, s),
      port(slice.q, heads, rows, d),
      port(slice.g, heads, rows, e),
      port(slice.gAndD, heads, rows, e + 1),
    ],
    outputs: [port(result.dk, heads, d, s), port(result.dv, heads, e, s), port(result.dq, heads, rows, d)],
  };
  const zeros = (width: number): string => ctx.emit('Expand', [ctx.float(0), ctx.shape([heads, width, s])]);
  const inputs = [zeros(d), zeros(e), slices.q, slices.g, slices.gAndD];
  const [dk, dv, dq] = ctx.emitMany('Scan', inputs, 3, { num_scan_inputs: 3, body: { graph: body } });
  return { dq, dk, dv };
}

/** Cotangents of q, k and v from that of the output, the inputs and the output. */
export function attentionGradient(
  ctx: LoweringContext,
  [g, q, k, v, o]: readonly string[],
  node: Node<'attentionGradient'>,
): string[] {
  const [, qShape, kShape, vShape] = node.inputs.map(({ shape }) => shape);
  const [n, t, width] = qShape;
  const [, s] = kShape;
  const heads = n * node.attributes.heads;
  const [d, e] = [width, vShape[2]].map(size => size / node.attributes.heads);
  const headsFirst = (x: string, tokens: number, size: number): string => {
    const split = ctx.reshape(x, [n, tokens, node.attributes.heads, size]);
    return ctx.reshape(ctx.transpose(split, [0, 2, 1, 3]), [heads, tokens, size]);
  };
  const cotangent = headsFirst(g, t, e);
  const dots = ctx.emit('ReduceSum', [ctx.emit('Mul', [cotangent, headsFirst(o, t, e)]), ctx.int64([2])], {
    keepdims: 1,
  }); // D = rowsum(dO ∘ O) [heads, t, 1]
  const gAndD = ctx.emit('Concat', [cotangent, ctx.emit('Neg', [dots])], { axis: 2 });
  const ones = ctx.emit('Expand', [ctx.float(1), ctx.shape([heads, s, 1])]);
  const vAndOnes = ctx.emit('Concat', [headsFirst(v, s, e), ones], { axis: 2 });

  const parts = planParts(t, heads * s, ctx.capabilities.scoreElements);
  const rows = t / parts;
  const inSlices = (x: string, w: number): string =>
    ctx.transpose(ctx.reshape(x, [heads, parts, rows, w]), [1, 0, 2, 3]);
  const slices = {
    q: inSlices(headsFirst(q, t, d), d),
    g: inSlices(cotangent, e),
    gAndD: inSlices(gAndD, e + 1),
  };
  const shared = { k: headsFirst(k, s, d), vAndOnes, scale: node.attributes.scale };
  const overSlices = ctx.capabilities.scan && parts > 1 ? slicesInLoop : slicesWrittenOut;
  const { dq, dk, dv } = overSlices(ctx, slices, shared, { parts, heads, rows, s, d, e });
  const perHead = ctx.reshape(ctx.transpose(dq, [1, 0, 2, 3]), [n, node.attributes.heads, t, d]);
  const turned = (x: string, size: number, shape: readonly number[]): string => {
    const split = ctx.reshape(x, [n, node.attributes.heads, size, s]);
    return ctx.reshape(ctx.transpose(split, [0, 3, 1, 2]), shape);
  };
  return [
    ctx.reshape(ctx.transpose(perHead, [0, 2, 1, 3]), qShape),
    turned(dk, d, kShape),
    turned(dv, e, vShape),
  ];
}
