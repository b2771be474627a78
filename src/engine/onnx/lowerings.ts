/** @file One lowering an operation: the ONNX nodes that compute it. Shapes are known, so nothing is dynamic. */
import type { Node } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { attention, attentionGradient } from './attention.ts';
import type { LoweringContext } from './context.ts';
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from './convolution.ts';
import { dataType } from './model.ts';
import { product } from './products.ts';
import { sineOrCosine } from './sine.ts';

/** Emits nodes for `node` whose inputs are the tensors `inputs`; returns the tensor of each output. */
export type Lowering<Op extends OpName> = (
  ctx: LoweringContext,
  inputs: readonly string[],
  node: Node<Op>,
) => string[];

const plain =
  <Op extends OpName>(onnxOp: string): Lowering<Op> =>
  (ctx, inputs) => [ctx.emit(onnxOp, inputs)];

/** g · (s + αx·s·(1 − s)) with s = sigmoid(αx): the slope of x·sigmoid(αx). */
function sigmoidUnitGradient(ctx: LoweringContext, g: string, x: string, alpha: number): string {
  const scaled = alpha === 1 ? x : ctx.emit('Mul', [x, ctx.float(alpha)]);
  const s = ctx.emit('Sigmoid', [scaled]);
  const rest = ctx.emit('Mul', [scaled, ctx.emit('Sub', [ctx.float(1), s])]);
  const slope = ctx.emit('Mul', [s, ctx.emit('Add', [rest, ctx.float(1)])]);
  return ctx.emit('Mul', [g, slope]);
}

function sigmoidUnit(ctx: LoweringContext, x: string, alpha: number): string {
  if (ctx.capabilities.quickGelu) return ctx.emitMicrosoft('QuickGelu', [x], { alpha: { float: alpha } });
  const scaled = alpha === 1 ? x : ctx.emit('Mul', [x, ctx.float(alpha)]);
  return ctx.emit('Mul', [x, ctx.emit('Sigmoid', [scaled])]);
}

const quickGeluAlpha = 1.702;

/** Φ(x) + x·φ(x): the slope of the exact GELU (Hendrycks & Gimpel 2016). */
function geluSlope(ctx: LoweringContext, x: string): string {
  const erf = ctx.emit('Erf', [ctx.emit('Mul', [x, ctx.float(Math.SQRT1_2)])]);
  const distribution = ctx.emit('Add', [ctx.emit('Mul', [erf, ctx.float(0.5)]), ctx.float(0.5)]);
  const gaussian = ctx.emit('Exp', [ctx.emit('Mul', [ctx.emit('Mul', [x, x]), ctx.float(-0.5)])]);
  const density = ctx.emit('Mul', [gaussian, ctx.float(1 / Math.sqrt(2 * Math.PI))]);
  return ctx.emit('Add', [distribution, ctx.emit('Mul', [x, density])]);
}

/**
 * x, made to wait for its dependencies. On the CPU a reshape to its own shape, where the shape is computed from one
 * element of each dependency (0·isNaN + size): no copy, and neither constant folding nor the merging of equal
 * nodes can remove it. Elsewhere x + (d > d), which is 0 also where d is infinite or not a number.
 */
const after: Lowering<'after'> = (ctx, [x, ...dependencies], node) => {
  const elements = dependencies.map((name, i) => firstElement(ctx, name, node.inputs[i + 1].shape));
  const sum = elements.reduce((a, b) => ctx.emit('Add', [a, b])); // [1, …, 1]
  if (!ctx.capabilities.shapeGate) {
    const dependency = ctx.reshape(sum, []);
    const never = ctx.emit('Greater', [dependency, dependency]);
    return [ctx.emit('Add', [x, ctx.emit('Cast', [never], { to: dataType('float32') })])];
  }
  const flag = ctx.emit('Cast', [ctx.emit('IsNaN', [ctx.reshape(sum, [1])])], { to: 7 });
  const zero = ctx.emit('Mul', [flag, ctx.int64([0])]);
  return [ctx.emit('Reshape', [x, ctx.emit('Add', [zero, ctx.int64(node.inputs[0].shape)])])];
};

/** The first element of x, as [1, …, 1]. */
function firstElement(ctx: LoweringContext, x: string, shape: readonly number[]): string {
  const known = ctx.gateElements.get(x);
  if (known) return known;
  const corner = [
    ctx.int64(shape.map(() => 0)),
    ctx.int64(shape.map(() => 1)),
    ctx.int64(shape.map((_, i) => i)),
  ];
  const element = shape.length ? ctx.emit('Slice', [x, ...corner]) : x;
  ctx.gateElements.set(x, element);
  return element;
}

export const lowerings: { readonly [Op in OpName]: Lowering<Op> } = {
  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: plain('Div'),
  neg: plain('Neg'),
  exp: plain('Exp'),
  sqrt: plain('Sqrt'),
  sin: (ctx, [x]) => [ctx.capabilities.exactSine ? ctx.emit('Sin', [x]) : sineOrCosine(ctx, x, 'sin')],
  cos: (ctx, [x]) => [ctx.capabilities.exactSine ? ctx.emit('Cos', [x]) : sineOrCosine(ctx, x, 'cos')],
  erf: plain('Erf'),
  sigmoid: plain('Sigmoid'),
  silu: (ctx, [x]) => [sigmoidUnit(ctx, x, 1)],
  gelu: plain('Gelu'),
  quickGelu: (ctx, [x]) => [sigmoidUnit(ctx, x, quickGeluAlpha)],
  scale: (ctx, [x], { attributes }) => [ctx.emit('Mul', [x, ctx.float(attributes.factor)])],
  shift: (ctx, [x], { attributes }) => [ctx.emit('Add', [x, ctx.float(attributes.amount)])],
  siluGradient: (ctx, [g, x]) => [sigmoidUnitGradient(ctx, g, x, 1)],
  geluGradient: (ctx, [g, x]) => [ctx.emit('Mul', [g, geluSlope(ctx, x)])],
  quickGeluGradient: (ctx, [g, x]) => [sigmoidUnitGradient(ctx, g, x, quickGeluAlpha)],
  reshape: (ctx, [x], { attributes }) => [ctx.reshape(x, attributes.shape)],
  transpose: (ctx, [x], { attributes }) => [ctx.transpose(x, attributes.permutation)],
  expand: (ctx, [x], { attributes }) => [ctx.emit('Expand', [x, ctx.shape(attributes.shape)])],
  concat: (ctx, inputs, { attributes }) => [ctx.emit('Concat', inputs, { axis: attributes.axis })],
  slice: (ctx, [x], { attributes: { axis, start, end } }) => [
    ctx.emit('Slice', [x, ctx.int64([start]), ctx.int64([end]), ctx.int64([axis])]),
  ],
  after,
  reduceSum: (ctx, [x], { attributes }) => [
    ctx.emit('ReduceSum', [x, ctx.int64(attributes.axes)], { keepdims: 1 }),
  ],
  reduceMean: (ctx, [x], { attributes }) => [
    ctx.emit('ReduceMean', [x, ctx.int64(attributes.axes)], { keepdims: 1 }),
  ],
  matmul: (ctx, [a, b], { attributes, inputs }) => [
    product(ctx, a, b, attributes, [inputs[0].shape.length, inputs[1].shape.length]),
  ],
  linear: (ctx, [x, w, bias], { outputs: [{ shape }] }) => {
    if (bias === undefined) return [product(ctx, x, w, { transposeB: true }, 2)];
    const y = ctx.emit('Gemm', [x, w, bias], { transB: 1 });
    return [ctx.hidesShapes ? ctx.reshape(y, shape) : y];
  },
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  upsampleNearest2: (ctx, [x]) => [
    ctx.emit('Resize', [x, '', ctx.floats([4], Float32Array.of(1, 1, 2, 2))], {
      mode: 'nearest',
      nearest_mode: 'floor',
      coordinate_transformation_mode: 'asymmetric',
    }),
  ],
  sumPool2: (ctx, [x]) => [
    ctx.emit('Mul', [ctx.emit('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] }), ctx.float(4)]),
  ],
  softmax: (ctx, [x]) => [ctx.emit('Softmax', [x], { axis: -1 })],
  normalize: (ctx, [x], node) => {
    const width = node.inputs[0].shape.at(-1) as number;
    const attributes = { axis: -1, epsilon: { float: node.attributes.epsilon } };
    const [y, , inverseStd] = ctx.emitMany('LayerNormalization', [x, ctx.ones(width)], 3, attributes);
    return [y, inverseStd];
  },
  layerNorm: (ctx, inputs, { attributes }) =>
    ctx.emitMany('LayerNormalization', inputs, 3, { axis: -1, epsilon: { float: attributes.epsilon } }),
  attention,
  attentionGradient,
  gather: (ctx, [table, ids]) => [ctx.emit('Gather', [table, ids], { axis: 0 })],
  gatherGradient: (ctx, [g, ids], node) => {
    const [rows, ...rest] = node.outputs[0].shape;
    const count = node.inputs[1].shape.reduce((a, b) => a * b, 1);
    const zeros = ctx.emit('Expand', [ctx.float(0), ctx.int64([rows, ...rest])]);
    const updates = ctx.reshape(g, [count, ...rest]);
    return [ctx.emit('ScatterND', [zeros, ctx.reshape(ids, [count, 1]), updates], { reduction: 'add' })];
  },
};
