/** Every gradient rule against central finite differences, both in float64. */
import { describe, expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import { createGraph, type Graph, input, type Node, type Value } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { evaluateValues } from '../reference/evaluate.ts';
import { finiteDifferences, relativeDistance } from '../reference/finite-differences.ts';
import { madeByGradient, type OperationCase, operationCases } from '../reference/operation-cases.ts';
import { randomStream } from '../tensor/random.ts';
import { elementCount } from '../tensor/tensor.ts';
import { gradients } from './backward.ts';
import { type GradientRule, gradientRules } from './rules.ts';

/**
 * Step 1e-5: truncation ~ step² and cancellation ~ 1e-16/step are both ~1e-10 of the loss, gradients are ~ the loss.
 * The worst case measured is 2.2e-9; a wrong rule is wrong by 1e-2 or more.
 */
const tolerance = 5e-8;

interface Built {
  readonly graph: Graph;
  readonly inputs: Value[];
  readonly loss: Value;
  readonly point: Map<string, Float64Array>;
}

/** The example with a random projection of its result as loss, and a random point. */
function build({ shapes, positive = false, build }: OperationCase): Built {
  const graph = createGraph();
  const draw = randomStream(7, 'finite differences');
  const point = new Map<string, Float64Array>();
  const inputs = shapes.map((shape, i) => {
    const data = new Float64Array(elementCount(shape));
    point.set(
      `x${i}`,
      data.map(() => (positive ? 0.5 + 1.5 * draw.uniform() : draw.normal())),
    );
    return input(graph, `x${i}`, shape);
  });
  const y = build(inputs);
  const count = elementCount(y.shape);
  point.set(
    'projection',
    new Float64Array(count).map(() => draw.normal()),
  );
  const products = f.mul(f.reshape(y, [count]), input(graph, 'projection', [count]));
  return { graph, inputs, loss: f.reshape(f.reduceSum(products, [0]), []), point };
}

function numericGradient({ loss, point }: Built, name: string): Float64Array {
  const lossAt = (x: Float64Array): number => evaluateValues([loss], new Map(point).set(name, x))[0][0];
  return finiteDifferences(lossAt, point.get(name) as Float64Array);
}

function expectGradients(example: OperationCase): void {
  const built = build(example);
  const made = gradients(built.loss, built.inputs);
  for (const [i, gradient] of evaluateValues(made, built.point).entries()) {
    expect(made[i].shape, `shape of the gradient of input ${i}`).toEqual(built.inputs[i].shape);
    const expected = numericGradient(built, `x${i}`);
    expect(relativeDistance(gradient, expected), `input ${i}`).toBeLessThan(tolerance);
  }
}

/** All nodes that `value` is computed from. */
function ancestors(value: Value): Set<Node> {
  const needed = new Set([value]);
  const nodes = new Set<Node>();
  for (const node of value.graph.nodes.toReversed()) {
    if (!node.outputs.some(output => needed.has(output))) continue;
    nodes.add(node);
    for (const source of node.inputs) needed.add(source);
  }
  return nodes;
}

function hasRule(op: OpName): boolean {
  try {
    (gradientRules[op] as GradientRule<OpName>)({ op } as Node, { cotangent: [], wanted: [] });
    return true;
  } catch {
    return false;
  }
}

test('every operation with a rule has examples, and the others are those that rules make', () => {
  const ops = Object.keys(gradientRules) as OpName[];
  expect(ops.filter(hasRule).sort()).toEqual(Object.keys(operationCases).sort());
  expect(ops.filter(op => !hasRule(op)).sort()).toEqual([...madeByGradient].sort());
  for (const [op, cases] of Object.entries(operationCases)) expect(cases.length, op).toBeGreaterThan(0);
});

/** Rules that share work between their results; what a result does not need is dropped before lowering. */
const sharedWork: readonly string[] = ['layerNorm', 'attention'];

describe.each(Object.entries(operationCases))('%s', (op, cases) => {
  test.each(cases.map(example => [example.name, example] as const))('%s', (__, example) => {
    expectGradients(example);
  });

  test.each(cases.map(example => [example.name, example] as const))(
    '%s, one trainable input',
    (__, example) => {
      const all = build(example);
      const expected = evaluateValues(gradients(all.loss, all.inputs), all.point);
      for (const i of example.shapes.keys()) {
        const alone = build(example);
        const firstNew = alone.graph.nodes.length;
        const [gradient] = gradients(alone.loss, [alone.inputs[i]]);
        expect(evaluateValues([gradient], alone.point)[0]).toEqual(expected[i]);
        const unused = alone.graph.nodes.slice(firstNew).filter(node => !ancestors(gradient).has(node));
        if (!sharedWork.includes(op))
          expect(
            unused.map(node => node.op),
            `input ${i} alone`,
          ).toEqual([]);
      }
    },
  );
});

describe('compositions', () => {
  const compositions: OperationCase[] = [
    {
      name: 'groupNorm',
      shapes: [[2, 6, 3, 2], [6], [6]],
      build: ([x, gain, bias]) => f.groupNorm(x, 3, gain, bias, 1e-5),
    },
    {
      name: 'attention with a mask',
      shapes: [
        [2, 4, 6],
        [2, 5, 6],
        [2, 5, 6],
        [4, 5],
      ],
      build: ([q, k, v, mask]) => f.attention(q, k, v, 2, mask),
    },
    {
      name: 'a value used three times',
      shapes: [[3, 4]],
      build: ([x]) => f.add(f.mul(x, f.sin(x)), f.scale(x, 2)),
    },
    {
      name: 'a trainable value used by two layers',
      shapes: [
        [2, 3],
        [3, 3],
      ],
      build: ([x, w]) => f.linear(f.silu(f.linear(x, w)), w),
    },
    {
      name: 'residual block',
      shapes: [
        [1, 2, 4, 4],
        [2, 2, 3, 3],
        [2, 2, 3, 3],
      ],
      build: ([x, w1, w2]) => f.add(x, f.conv2d(f.silu(f.conv2d(f.silu(x), w1)), w2)),
    },
    {
      name: 'mean of squares',
      shapes: [[3, 5]],
      build: ([x]) => f.mean(f.square(x)),
    },
    {
      name: 'down and up, joined by concat',
      shapes: [
        [1, 2, 4, 4],
        [3, 2, 3, 3],
        [1, 5, 1, 1],
      ],
      build: ([x, down, mix]) => {
        const small = f.conv2d(x, down, undefined, { stride: 2, pads: [0, 0, 1, 1] });
        return f.conv2d(f.concat([f.upsampleNearest2(small), x], 1), mix);
      },
    },
  ];

  test.each(compositions.map(example => [example.name, example] as const))('%s', (_, example) => {
    expectGradients(example);
  });
});
