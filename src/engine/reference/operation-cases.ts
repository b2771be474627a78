/** @file Small examples of every operation that models may use: what gradient rules and lowerings are tested on. */
import * as f from '../graph/functions.ts';
import { constant, emit, type Value } from '../graph/graph.ts';
import type { OpName, Pads } from '../graph/operations.ts';
import type { Shape } from '../tensor/tensor.ts';

/** Operations that only gradient rules make; they have no rule of their own. */
export const madeByGradient = [
  'siluGradient',
  'geluGradient',
  'quickGeluGradient',
  'attentionGradient',
  'conv2dInputGradient',
  'conv2dWeightGradient',
  'gatherGradient',
] as const satisfies readonly OpName[];

export type ModelOp = Exclude<OpName, (typeof madeByGradient)[number]>;

export interface OperationCase {
  readonly name: string;
  readonly shapes: readonly Shape[];
  /** Inputs are drawn from [0.5, 2) instead of a normal distribution. */
  readonly positive?: boolean;
  readonly build: (inputs: readonly Value[]) => Value;
}

const broadcastPairs: readonly [Shape, Shape][] = [
  [
    [3, 4],
    [3, 4],
  ],
  [[2, 3, 4], [4]],
  [
    [2, 3, 4],
    [3, 1],
  ],
  [[5], [2, 3, 5]],
  [
    [2, 1, 4],
    [1, 3, 1],
  ],
  [[], [2, 3]],
  [[7], [1]],
];

function binary(build: (a: Value, b: Value) => Value, positive = false): OperationCase[] {
  return broadcastPairs.map(([a, b]) => ({
    name: `[${a}] with [${b}]`,
    shapes: [a, b],
    positive,
    build: ([x, y]) => build(x, y),
  }));
}

function unary(build: (x: Value) => Value, shapes: readonly Shape[], positive = false): OperationCase[] {
  return shapes.map(shape => ({
    name: `[${shape}]`,
    shapes: [shape],
    positive,
    build: ([x]) => build(x),
  }));
}

const anyShapes: readonly Shape[] = [[], [7], [2, 3, 5]];

function layout(name: string, shape: Shape, build: (x: Value) => Value): OperationCase {
  return { name, shapes: [shape], build: ([x]) => build(x) };
}

const swapped = (shape: Shape, swap: boolean): Shape =>
  swap ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]] : shape;

function matmulCases(): OperationCase[] {
  const pairs: [Shape, Shape][] = [
    [
      [3, 4],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [4, 5],
    ],
    [
      [3, 4],
      [2, 4, 5],
    ],
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
    [
      [2, 1, 3, 4],
      [1, 3, 4, 2],
    ],
  ];
  return pairs.flatMap(([a, b]) =>
    [false, true].flatMap(transposeA =>
      [false, true].map(transposeB => ({
        name: `[${a}]${transposeA ? 'ᵀ' : ''} · [${b}]${transposeB ? 'ᵀ' : ''}`,
        shapes: [swapped(a, transposeA), swapped(b, transposeB)],
        build: ([x, y]: readonly Value[]) =>
          f.matmul(x, y, { transposeA, transposeB, scale: transposeA ? -0.7 : 1 }),
      })),
    ),
  );
}

interface ConvExample {
  readonly image: Shape;
  readonly out: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly pads?: Pads;
  readonly bias?: boolean;
}

function convCase({ image, out, kernel, stride = 1, pads, bias = true }: ConvExample): OperationCase {
  const weight = [out, image[1], kernel, kernel];
  return {
    name: `[${image}] ∗ [${weight}] stride ${stride} pads ${pads ?? 'same'}${bias ? '' : ' without bias'}`,
    shapes: bias ? [image, weight, [out]] : [image, weight],
    build: ([x, w, b]) => f.conv2d(x, w, b, { stride, ...(pads ? { pads } : {}) }),
  };
}

const attentionCase = (n: number, t: number, s: number, width: number, heads: number): OperationCase => ({
  name: `${n}×${t} tokens over ${s}, ${heads} heads of ${width / heads}`,
  shapes: [
    [n, t, width],
    [n, s, width],
    [n, s, width],
  ],
  build: inputs => emit('attention', inputs, { heads, scale: 1 / Math.sqrt(width / heads) })[0],
});

const gatherCase = (table: Shape, idShape: Shape, ids: readonly bigint[]): OperationCase => ({
  name: `[${table}] at [${idShape}]`,
  shapes: [table],
  build: ([rows]) => f.gather(rows, constant(rows.graph, idShape, BigInt64Array.from(ids))),
});

export const operationCases: { readonly [Op in ModelOp]: readonly OperationCase[] } = {
  add: binary(f.add),
  sub: binary(f.sub),
  mul: binary(f.mul),
  div: binary(f.div, true),
  neg: unary(f.neg, anyShapes),
  exp: unary(f.exp, anyShapes),
  sqrt: unary(f.sqrt, anyShapes, true),
  sin: unary(f.sin, anyShapes),
  cos: unary(f.cos, anyShapes),
  erf: unary(f.erf, anyShapes),
  sigmoid: unary(f.sigmoid, anyShapes),
  silu: unary(f.silu, anyShapes),
  gelu: unary(f.gelu, anyShapes),
  quickGelu: unary(f.quickGelu, anyShapes),
  scale: unary(x => f.scale(x, -2.5), anyShapes),
  shift: unary(x => f.square(f.shift(x, 0.75)), anyShapes),
  reshape: [
    layout('splits an axis', [6, 5], x => f.reshape(x, [2, 3, 5])),
    layout('to a vector', [2, 3, 4], x => f.reshape(x, [24])),
    layout('to a scalar', [1, 1], x => f.reshape(x, [])),
  ],
  transpose: [
    layout('matrix', [5, 3], x => f.transpose(x, [1, 0])),
    layout('rotates three axes', [2, 3, 4], x => f.transpose(x, [2, 0, 1])),
    layout('heads', [2, 3, 4, 5], x => f.transpose(x, [0, 2, 1, 3])),
    layout('four axes in a cycle', [2, 3, 4, 5], x => f.transpose(x, [3, 0, 1, 2])),
  ],
  expand: [
    layout('a new axis', [3], x => f.expand(x, [2, 3])),
    layout('a scalar', [], x => f.expand(x, [4, 2])),
    layout('an axis inside', [2, 1, 3], x => f.expand(x, [2, 5, 3])),
    layout('an axis inside and a new one', [2, 1], x => f.expand(x, [3, 2, 4])),
  ],
  concat: [
    {
      name: 'first axis',
      shapes: [
        [2, 3],
        [1, 3],
        [4, 3],
      ],
      build: inputs => f.concat(inputs, 0),
    },
    {
      name: 'channels',
      shapes: [
        [2, 3, 2, 2],
        [2, 1, 2, 2],
      ],
      build: inputs => f.concat(inputs, 1),
    },
    {
      name: 'last axis',
      shapes: [
        [2, 3, 1],
        [2, 3, 4],
      ],
      build: inputs => f.concat(inputs, 2),
    },
    { name: 'one value twice', shapes: [[2, 3]], build: ([x]) => f.concat([x, x], 1) },
  ],
  slice: [
    layout('from the start', [5, 3], x => f.slice(x, 0, 0, 2)),
    layout('in the middle', [2, 7, 3], x => f.slice(x, 1, 2, 5)),
    layout('to the end', [2, 3, 4], x => f.slice(x, 2, 3, 4)),
  ],
  after: [layout('a dependency that uses the same value', [2, 3], x => f.after(x, [f.exp(x)]))],
  reduceSum: [
    layout('first axis', [3, 4], x => f.reduceSum(x, [0])),
    layout('last axes', [2, 3, 4], x => f.reduceSum(x, [1, 2])),
    layout('outer axes', [2, 3, 4], x => f.reduceSum(x, [0, 2])),
    layout('everything', [2, 3], x => f.reduceSum(x, [0, 1])),
  ],
  reduceMean: [
    layout('first axis', [3, 4], x => f.reduceMean(x, [0])),
    layout('pixels', [2, 3, 4, 5], x => f.reduceMean(x, [2, 3])),
    layout('everything', [2, 3], x => f.reduceMean(x, [0, 1])),
  ],
  matmul: matmulCases(),
  linear: [
    { name: 'rows', shapes: [[4, 3], [5, 3], [5]], build: ([x, w, b]) => f.linear(x, w, b) },
    {
      name: 'without bias',
      shapes: [
        [4, 3],
        [2, 3],
      ],
      build: ([x, w]) => f.linear(x, w),
    },
    { name: 'batches of tokens', shapes: [[2, 3, 4], [5, 4], [5]], build: ([x, w, b]) => f.linear(x, w, b) },
    {
      name: 'one row to one feature',
      shapes: [[1, 3], [1, 3], [1]],
      build: ([x, w, b]) => f.linear(x, w, b),
    },
  ],
  conv2d: [
    convCase({ image: [2, 3, 4, 5], out: 4, kernel: 1 }),
    convCase({ image: [1, 3, 5, 4], out: 2, kernel: 1, stride: 2 }),
    convCase({ image: [2, 3, 5, 7], out: 4, kernel: 3 }),
    convCase({ image: [1, 2, 4, 4], out: 3, kernel: 3, bias: false }),
    convCase({ image: [2, 2, 6, 4], out: 3, kernel: 3, stride: 2 }),
    convCase({ image: [1, 2, 7, 5], out: 3, kernel: 3, stride: 2 }),
    convCase({ image: [2, 2, 6, 4], out: 3, kernel: 3, stride: 2, pads: [0, 0, 1, 1] }),
    convCase({ image: [1, 2, 7, 5], out: 3, kernel: 3, stride: 2, pads: [0, 0, 1, 1] }),
    convCase({ image: [1, 2, 4, 5], out: 3, kernel: 3, pads: [0, 0, 1, 1] }),
    convCase({ image: [1, 2, 4, 4], out: 2, kernel: 3, pads: [0, 0, 0, 0] }),
    convCase({ image: [1, 1, 3, 3], out: 2, kernel: 3, pads: [0, 0, 0, 0] }),
  ],
  upsampleNearest2: unary(f.upsampleNearest2, [
    [2, 3, 3, 2],
    [1, 1, 1, 5],
  ]),
  sumPool2: unary(f.sumPool2, [
    [2, 3, 4, 6],
    [1, 2, 2, 2],
  ]),
  softmax: unary(f.softmax, [[7], [2, 3, 5], [2, 2, 3, 3]]),
  normalize: unary(
    x => emit('normalize', [x], { epsilon: 1e-5 })[0],
    [
      [3, 7],
      [2, 2, 12],
    ],
  ),
  layerNorm: (
    [
      [3, 7],
      [2, 3, 8],
    ] as Shape[]
  ).map(shape => ({
    name: `[${shape}]`,
    shapes: [shape, shape.slice(-1), shape.slice(-1)],
    build: ([x, gain, bias]) => f.layerNorm(x, gain, bias, 1e-5),
  })),
  attention: [
    attentionCase(1, 4, 4, 3, 1),
    attentionCase(2, 5, 3, 6, 2),
    attentionCase(1, 3, 7, 12, 3),
    attentionCase(2, 1, 2, 4, 4),
  ],
  gather: [
    gatherCase([5, 3], [4], [0n, 4n, 2n, 4n]),
    gatherCase([4, 2], [2, 3], [3n, 0n, 0n, 1n, 3n, 3n]),
    gatherCase([3, 2, 2], [2], [2n, 0n]),
  ],
};
