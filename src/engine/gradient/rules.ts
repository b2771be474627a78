/**
 * @file One gradient rule an operation: from the cotangents of a node's outputs to those of its inputs.
 * A rule answers only for the inputs that are asked for, so no gradient of a frozen weight is ever made.
 */
import * as f from '../graph/functions.ts';
import { emit, type Node, type Value } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';

export interface RuleContext {
  /** Cotangent of output i; undefined when nothing depends on it. */
  readonly cotangent: (Value | undefined)[];
  /** Whether the cotangent of input i is wanted. */
  readonly wanted: readonly boolean[];
}

export type GradientRule<Op extends OpName> = (node: Node<Op>, context: RuleContext) => (Value | undefined)[];

/** A rule for operations with one output, whose cotangent is then known to exist. */
function rule<Op extends OpName>(
  body: (g: Value, node: Node<Op>, wanted: readonly boolean[]) => (Value | undefined)[],
): GradientRule<Op> {
  return (node, { cotangent, wanted }) => (cotangent[0] ? body(cotangent[0], node, wanted) : []);
}

const none: GradientRule<OpName> = node => {
  throw new Error(`${node.op} is made by the gradient itself and has no gradient rule`);
};

/** Rule of x ↦ y with dy/dx given elementwise. */
const elementwise = <Op extends OpName>(slope: (x: Value, y: Value) => Value): GradientRule<Op> =>
  rule((g, { inputs: [x], outputs: [y] }) => [f.mul(g, slope(x, y))]);

/** Cotangent of the input of (x − mean)/std: (g − mean(g) − y·mean(g·y))/std, means over the last axis. */
function normalizeGradient(g: Value, y: Value, inverseStd: Value): Value {
  const last = [g.shape.length - 1];
  const centred = f.sub(g, f.reduceMean(g, last));
  const along = f.mul(y, f.reduceMean(f.mul(g, y), last));
  return f.mul(f.sub(centred, along), inverseStd);
}

/** Two-dimensional view of all leading axes. */
function rowsOf(x: Value): Value {
  const width = x.shape.at(-1) as number;
  return f.reshape(x, [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), width]);
}

export const gradientRules: { readonly [Op in OpName]: GradientRule<Op> } = {
  add: rule((g, { inputs: [a, b] }, [wantA, wantB]) => [
    wantA ? f.sumTo(g, a.shape) : undefined,
    wantB ? f.sumTo(g, b.shape) : undefined,
  ]),
  sub: rule((g, { inputs: [a, b] }, [wantA, wantB]) => [
    wantA ? f.sumTo(g, a.shape) : undefined,
    wantB ? f.sumTo(f.neg(g), b.shape) : undefined,
  ]),
  mul: rule((g, { inputs: [a, b] }, [wantA, wantB]) => [
    wantA ? f.sumTo(f.mul(g, b), a.shape) : undefined,
    wantB ? f.sumTo(f.mul(g, a), b.shape) : undefined,
  ]),
  div: rule((g, { inputs: [a, b], outputs: [y] }, [wantA, wantB]) => [
    wantA ? f.sumTo(f.div(g, b), a.shape) : undefined,
    wantB ? f.sumTo(f.neg(f.div(f.mul(g, y), b)), b.shape) : undefined,
  ]),
  neg: rule(g => [f.neg(g)]),
  exp: elementwise((_, y) => y),
  sqrt: rule((g, { outputs: [y] }) => [f.div(f.scale(g, 0.5), y)]),
  sin: elementwise(x => f.cos(x)),
  cos: elementwise(x => f.neg(f.sin(x))),
  erf: elementwise(x => f.scale(f.exp(f.neg(f.square(x))), 2 / Math.sqrt(Math.PI))),
  sigmoid: elementwise((_, y) => f.mul(y, f.shift(f.neg(y), 1))),
  silu: rule((g, { inputs: [x] }) => emit('siluGradient', [g, x], {})),
  gelu: rule((g, { inputs: [x] }) => emit('geluGradient', [g, x], {})),
  quickGelu: rule((g, { inputs: [x] }) => emit('quickGeluGradient', [g, x], {})),
  scale: rule((g, { attributes }) => [f.scale(g, attributes.factor)]),
  shift: rule(g => [g]),
  siluGradient: none,
  geluGradient: none,
  quickGeluGradient: none,
  reshape: rule((g, { inputs: [x] }) => [f.reshape(g, x.shape)]),
  transpose: rule((g, { attributes: { permutation } }) => [
    f.transpose(
      g,
      permutation.map((_, i) => permutation.indexOf(i)),
    ),
  ]),
  expand: rule((g, { inputs: [x] }) => [f.sumTo(g, x.shape)]),
  concat: rule((g, { inputs, attributes: { axis } }, wanted) => {
    let start = 0;
    return inputs.map((x, i) => {
      const end = start + x.shape[axis];
      const part = wanted[i] ? f.slice(g, axis, start, end) : undefined;
      start = end;
      return part;
    });
  }),
  slice: rule((g, { inputs: [x], attributes: { axis, start, end } }) => {
    const zeros = (size: number): Value => {
      const shape = x.shape.map((s, i) => (i === axis ? size : s));
      return f.expand(f.floats(g, [], [0]), shape);
    };
    const parts = [
      start > 0 ? zeros(start) : undefined,
      g,
      end < x.shape[axis] ? zeros(x.shape[axis] - end) : undefined,
    ];
    return [
      f.concat(
        parts.filter(part => part !== undefined),
        axis,
      ),
    ];
  }),
  after: rule((g, { inputs }) => inputs.map((_, i) => (i === 0 ? g : undefined))),
  reduceSum: rule((g, { inputs: [x] }) => [f.expand(g, x.shape)]),
  reduceMean: rule((g, { inputs: [x], attributes: { axes } }) => {
    const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
    return [f.expand(f.scale(g, 1 / count), x.shape)];
  }),
  // C = s·op(A)·op(B): dA = s·dC·op(B)ᵀ, dB = s·op(A)ᵀ·dC, each transposed back where the operand was.
  matmul: rule((g, { inputs: [a, b], attributes: { transposeA, transposeB, scale } }, [wantA, wantB]) => {
    const gradientOfA = (): Value =>
      transposeA
        ? f.matmul(b, g, { transposeA: transposeB, transposeB: true, scale })
        : f.matmul(g, b, { transposeB: !transposeB, scale });
    const gradientOfB = (): Value =>
      transposeB
        ? f.matmul(g, a, { transposeA: true, transposeB: transposeA, scale })
        : f.matmul(a, g, { transposeA: !transposeA, scale });
    return [
      wantA ? f.sumTo(gradientOfA(), a.shape) : undefined,
      wantB ? f.sumTo(gradientOfB(), b.shape) : undefined,
    ];
  }),
  linear: rule((g, { inputs: [x, w, bias] }, [wantX, wantW, wantBias]) => [
    wantX ? f.matmul(g, w) : undefined,
    wantW ? f.matmul(g, x, { transposeA: true }) : undefined,
    bias && wantBias ? f.sumTo(g, bias.shape) : undefined,
  ]),
  conv2d: rule((g, { inputs: [x, w, bias], attributes }, [wantX, wantW, wantBias]) => [
    wantX ? emit('conv2dInputGradient', [g, w], { ...attributes, inputShape: x.shape })[0] : undefined,
    wantW ? emit('conv2dWeightGradient', [g, x], { ...attributes, weightShape: w.shape })[0] : undefined,
    bias && wantBias ? f.reshape(f.reduceSum(g, [0, 2, 3]), bias.shape) : undefined,
  ]),
  conv2dInputGradient: none,
  conv2dWeightGradient: none,
  upsampleNearest2: rule(g => [f.sumPool2(g)]),
  sumPool2: rule(g => [f.upsampleNearest2(g)]),
  softmax: rule((g, { outputs: [p] }) => {
    const dot = f.reduceSum(f.mul(g, p), [p.shape.length - 1]);
    return [f.mul(p, f.sub(g, dot))];
  }),
  normalize: (node, { cotangent: [g] }) => {
    if (!g) return [];
    const [y, inverseStd] = node.outputs;
    return [normalizeGradient(g, y, inverseStd)];
  },
  layerNorm: (node, { cotangent: [g], wanted: [wantX, wantGain, wantBias] }) => {
    if (!g) return [];
    const [x, gain, bias] = node.inputs;
    const [, mean, inverseStd] = node.outputs;
    const normal = f.mul(f.sub(x, mean), inverseStd);
    return [
      wantX ? normalizeGradient(f.mul(g, gain), normal, inverseStd) : undefined,
      wantGain ? f.sumTo(f.mul(rowsOf(g), rowsOf(normal)), gain.shape) : undefined,
      wantBias ? f.sumTo(rowsOf(g), bias.shape) : undefined,
    ];
  },
  attention: rule((g, { inputs: [q, k, v], outputs: [y], attributes }) =>
    emit('attentionGradient', [g, q, k, v, y], attributes),
  ),
  attentionGradient: none,
  gather: rule((g, { inputs: [table, ids] }) => emit('gatherGradient', [g, ids], { rows: table.shape[0] })),
  gatherGradient: none,
};
