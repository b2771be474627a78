/** Shapes: what each operation makes of them, and which it refuses. Worked out by hand. */
import { describe, expect, test } from 'vitest';
import type { Shape } from '../tensor/tensor.ts';
import { type Attributes, broadcastShapes, type OpName, operations, ShapeError } from './operations.ts';

function shapesOf<Op extends OpName>(op: Op, inputs: readonly Shape[], attributes: Attributes[Op]): Shape[] {
  return operations[op].shapes(inputs, attributes);
}

describe('broadcasting', () => {
  test.each([
    { a: [2, 3], b: [2, 3], out: [2, 3] },
    { a: [4, 1, 3], b: [2, 1], out: [4, 2, 3] },
    { a: [], b: [5], out: [5] },
    { a: [1], b: [0], out: [0] },
  ])('[$a] with [$b] is [$out]', ({ a, b, out }) => {
    expect(broadcastShapes('add', a, b)).toEqual(out);
    expect(broadcastShapes('add', b, a)).toEqual(out);
  });
});

describe('shapes', () => {
  test.each([
    { transposeA: false, transposeB: false, a: [2, 3, 4], b: [4, 5] },
    { transposeA: true, transposeB: false, a: [2, 4, 3], b: [4, 5] },
    { transposeA: false, transposeB: true, a: [2, 3, 4], b: [5, 4] },
    { transposeA: true, transposeB: true, a: [2, 4, 3], b: [1, 5, 4] },
  ])('matmul [$a] · [$b]', ({ a, b, ...flags }) => {
    expect(shapesOf('matmul', [a, b], { ...flags, scale: 1 })).toEqual([[2, 3, 5]]);
  });

  test.each([
    { stride: 1, pads: [1, 1, 1, 1], out: [2, 5, 7, 6] },
    { stride: 2, pads: [1, 1, 1, 1], out: [2, 5, 4, 3] },
    { stride: 2, pads: [0, 0, 1, 1], out: [2, 5, 3, 3] },
    { stride: 1, pads: [0, 1, 2, 3], out: [2, 5, 7, 8] },
  ] as const)('conv2d stride $stride pads $pads', ({ stride, pads, out }) => {
    const inputs = [[2, 4, 7, 6], [5, 4, 3, 3], [5]];
    expect(shapesOf('conv2d', inputs, { stride, pads })).toEqual([out]);
  });

  test('several results', () => {
    expect(shapesOf('normalize', [[2, 3, 4]], { epsilon: 0 })).toEqual([
      [2, 3, 4],
      [2, 3, 1],
    ]);
    expect(shapesOf('layerNorm', [[3, 4], [4], [4]], { epsilon: 0 })).toEqual([
      [3, 4],
      [3, 1],
      [3, 1],
    ]);
  });

  test('gather and its gradient are each other turned round', () => {
    const table = [9, 4];
    const [rows] = shapesOf('gather', [table, [2, 3]], {});
    expect(rows).toEqual([2, 3, 4]);
    expect(shapesOf('gatherGradient', [rows, [2, 3]], { rows: 9 })).toEqual([table]);
  });
});

describe('costs', () => {
  const costOf = (op: 'matmul' | 'linear', inputs: Shape[], out: Shape, attributes: object): number =>
    operations[op].flops?.(inputs, [out], attributes as never) ?? 0;

  test('a product counts 2·m·n·k, whichever side is transposed', () => {
    const flags = { transposeA: false, transposeB: false, scale: 1 };
    const [left, turned, right] = [
      [6, 3, 4],
      [6, 4, 3],
      [4, 5],
    ];
    const cost = 2 * 6 * 3 * 4 * 5;
    expect(costOf('matmul', [left, right], [6, 3, 5], flags)).toBe(cost);
    expect(costOf('matmul', [turned, right], [6, 3, 5], { ...flags, transposeA: true })).toBe(cost);
    expect(
      costOf(
        'linear',
        [
          [18, 4],
          [5, 4],
        ],
        [18, 5],
        {},
      ),
    ).toBe(cost);
  });

  test('a convolution and both of its gradients cost the same', () => {
    const attributes = { stride: 2, pads: [1, 1, 1, 1] } as const;
    const [x, w, y] = [
      [2, 4, 8, 8],
      [5, 4, 3, 3],
      [2, 5, 4, 4],
    ];
    const cost = 2 * (5 * 4 * 3 * 3) * (2 * 4 * 4);
    expect(operations.conv2d.flops?.([x, w], [y], attributes)).toBe(cost);
    expect(operations.conv2dInputGradient.flops?.([y, w], [x], { ...attributes, inputShape: x })).toBe(cost);
    expect(operations.conv2dWeightGradient.flops?.([y, x], [w], { ...attributes, weightShape: w })).toBe(
      cost,
    );
  });
});

describe('refusals name the operation and the shapes', () => {
  const conv = { stride: 1, pads: [0, 0, 0, 0] } as const;
  const plain = { transposeA: false, transposeB: false, scale: 1 };
  const refusals: [OpName, Shape[], object, RegExp][] = [
    ['add', [[2, 3], [2]], {}, /add: shapes do not broadcast; input shapes \[2,3\] \[2\]/],
    ['reshape', [[2, 3]], { shape: [7] }, /reshape: cannot become \[7\].*\[2,3\]/],
    ['transpose', [[2, 3]], { permutation: [0, 0] }, /transpose: \[0,0\] is not an order/],
    ['transpose', [[2, 3]], { permutation: [1] }, /transpose: \[1\] is not an order/],
    ['transpose', [[2, 3]], { permutation: [0, 2] }, /transpose: \[0,2\] is not an order/],
    ['expand', [[2]], { shape: [3] }, /expand/],
    ['expand', [[1, 3]], { shape: [3] }, /expand: not to \[3\]/],
    ['expand', [[2, 1]], { shape: [1, 2] }, /expand: not to \[1,2\]/],
    [
      'concat',
      [
        [2, 3],
        [2, 4],
      ],
      { axis: 0 },
      /concat: do not join on axis 0.*\[2,3\] \[2,4\]/,
    ],
    ['concat', [[2, 3], [2]], { axis: 0 }, /concat: do not join on axis 0/],
    [
      'concat',
      [
        [2, 3],
        [2, 3],
      ],
      { axis: 2 },
      /concat: do not join on axis 2/,
    ],
    ['slice', [[5]], { axis: 0, start: 3, end: 6 }, /slice: 3…6 on axis 0/],
    ['slice', [[5]], { axis: 0, start: 3, end: 3 }, /slice/],
    ['slice', [[5]], { axis: 1, start: 0, end: 1 }, /slice: 0…1 on axis 1/],
    ['reduceSum', [[2, 3]], { axes: [2] }, /reduceSum: no axis of \[2\]/],
    ['reduceMean', [[2, 3]], { axes: [-1] }, /reduceMean: no axis of \[-1\]/],
    [
      'matmul',
      [
        [2, 3],
        [4, 5],
      ],
      plain,
      /matmul: inner sizes 3 and 4 differ/,
    ],
    [
      'matmul',
      [
        [2, 2, 3],
        [3, 3, 4],
      ],
      plain,
      /matmul: shapes do not broadcast/,
    ],
    ['matmul', [[3], [3, 4]], plain, /matmul/],
    [
      'linear',
      [
        [2, 3],
        [4, 5],
      ],
      {},
      /linear: features do not agree.*\[2,3\] \[4,5\]/,
    ],
    ['linear', [[2, 3], [4, 3], [3]], {}, /linear: bias does not fit/],
    [
      'linear',
      [
        [1, 2, 3],
        [4, 3],
      ],
      {},
      /linear/,
    ],
    [
      'conv2d',
      [
        [1, 3, 4, 4],
        [5, 4, 3, 3],
      ],
      conv,
      /conv2d: channels do not agree/,
    ],
    ['conv2d', [[1, 3, 4, 4], [5, 3, 3, 3], [4]], conv, /conv2d: bias does not fit/],
    [
      'conv2d',
      [
        [1, 3, 4, 4],
        [5, 3, 3, 1],
      ],
      conv,
      /conv2d: the kernel is not square/,
    ],
    [
      'conv2d',
      [
        [1, 3, 2, 4],
        [5, 3, 3, 3],
      ],
      conv,
      /conv2d: the picture is smaller than the kernel/,
    ],
    ['layerNorm', [[2, 3], [2], [3]], { epsilon: 0 }, /layerNorm: gain or bias/],
    [
      'attention',
      [
        [1, 4, 6],
        [1, 5, 8],
        [1, 5, 8],
      ],
      { heads: 2 },
      /attention: q, k and v do not agree/,
    ],
    [
      'attention',
      [
        [1, 4, 6],
        [1, 5, 6],
        [2, 5, 6],
      ],
      { heads: 2 },
      /attention: q, k and v do not agree/,
    ],
    [
      'attention',
      [
        [1, 4, 6],
        [1, 5, 6],
        [1, 5, 6],
      ],
      { heads: 4 },
      /attention: width is not 4 heads/,
    ],
    [
      'siluGradient',
      [
        [2, 3],
        [2, 4],
      ],
      {},
      /siluGradient: sizes differ/,
    ],
  ];

  test.each(refusals)('%s %j %j', (op, inputs, attributes, message) => {
    const attempt = (): unknown => operations[op].shapes(inputs, attributes as never);
    expect(attempt).toThrow(ShapeError);
    expect(attempt).toThrow(message);
  });
});
