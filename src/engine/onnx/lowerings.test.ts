/** Every lowering, forward and through its gradient rule, run by ONNX Runtime against the float64 meaning. */
import { describe, expect, test } from 'vitest';
import { gradients } from '../gradient/backward.ts';
import * as f from '../graph/functions.ts';
import { createGraph, type Graph, input, output } from '../graph/graph.ts';
import { evaluate } from '../reference/evaluate.ts';
import { type OperationCase, operationCases } from '../reference/operation-cases.ts';
import { openSession, type SessionOptions } from '../runtime/session.ts';
import { randomStream } from '../tensor/random.ts';
import { elementCount, type Shape } from '../tensor/tensor.ts';
import { planParts } from './attention.ts';
import { capabilities } from './capabilities.ts';

/** Float32 rounds at 6e-8; sums here have at most some hundred terms of similar size. Measured at most 1e-6. */
const tolerance = 5e-6;

const ways: readonly (readonly [string, SessionOptions])[] = [
  ['as the CPU likes it', {}],
  ['as the CPU likes it, weights in their files', { foldBelowBytes: 0 }],
  ['attention backward in many slices', { capabilities: { ...capabilities.cpu, scoreElements: 6 } }],
  [
    'attention backward in many slices, written out',
    { capabilities: { ...capabilities.cpu, scan: false, scoreElements: 6 } },
  ],
  ['as WebGPU likes it', { capabilities: capabilities.webgpu }],
  ['as CUDA likes it', { capabilities: capabilities.cuda }],
  ['as DirectML and Core ML like it', { capabilities: capabilities.directml }],
  ['plain ONNX', { capabilities: capabilities.plain }],
  // Needs a driver; test/gpu/webgpu.test.ts says so where there is none.
  ...(process.env.LORA_TEST_WEBGPU === '1' ? [['on WebGPU', { provider: 'webgpu' }] as const] : []),
];

/** WebGPU's erf is a polynomial right to 1.5e-7 (Abramowitz & Stegun 7.1.26), which shows where a slope is near zero. */
const absolute: Readonly<Partial<Record<string, number>>> = { webgpu: 3e-7 };

interface Built {
  readonly graph: Graph;
  readonly feeds: Map<string, Float32Array>;
}

/** The example's result, and the gradients of its random projection by all inputs. */
function build({ shapes, positive = false, build }: OperationCase): Built {
  const graph = createGraph();
  const random = randomStream(11, 'lowerings');
  const feeds = new Map<string, Float32Array>();
  const given = (name: string, shape: Shape, draw: () => number) => {
    feeds.set(name, Float32Array.from({ length: elementCount(shape) }, draw));
    return input(graph, name, shape);
  };
  const draw = (): number => (positive ? 0.5 + 1.5 * random.uniform() : random.normal());
  const inputs = shapes.map((shape, i) => given(`x${i}`, shape, draw));
  const y = build(inputs);
  const projection = given('projection', y.shape, () => random.normal());
  const product = f.mul(y, projection);
  const loss = f.reshape(f.reduceSum(f.reshape(product, [elementCount(y.shape)]), [0]), []);
  output('y', y);
  gradients(loss, inputs).forEach((gradient, i) => {
    output(`gradient ${i}`, gradient);
  });
  return { graph, feeds };
}

/** ‖actual − expected‖ / ‖expected‖, beyond `allowed` in every element. */
function relativeError(actual: Float32Array, expected: Float64Array, allowed = 0): number {
  let difference = 0;
  let size = 1e-30;
  for (const [i, x] of expected.entries()) {
    difference += Math.max(0, Math.abs(actual[i] - x) - allowed) ** 2;
    size += x * x;
  }
  return Math.sqrt(difference / size);
}

test('rows are cut into even slices below a limit of scores', () => {
  expect(planParts(12, 5, 20)).toBe(4);
  // 7 rows cannot be halved, so they stay together although they exceed the limit.
  expect(planParts(7, 5, 10)).toBe(1);
  expect(planParts(4096, 8 * 4096, capabilities.cpu.scoreElements)).toBe(32);
});

const examples = Object.entries(operationCases).flatMap(([op, cases]) =>
  cases.map(example => [`${op} ${example.name}`, example] as const),
);

describe.each(ways)('%s', (_, options) => {
  test.each(examples)('%s', async (__, example) => {
    const { graph, feeds } = build(example);
    const expected = evaluate(graph, new Map([...feeds].map(([name, x]) => [name, Float64Array.from(x)])));
    const shapes = new Map(
      graph.inputs.map(({ origin, shape }) => [(origin as { name: string }).name, shape]),
    );
    const session = await openSession(graph, options);
    const results = await session.run(
      Object.fromEntries(
        [...feeds].map(([name, data]) => [name, { shape: shapes.get(name) as Shape, data }]),
      ),
    );
    await session.release();
    for (const [name, numbers] of expected) {
      expect(results[name].data, name).toHaveLength(numbers.length);
      const allowed = absolute[options.provider ?? 'cpu'];
      expect(Number.isFinite(results[name].data[0]), name).toBe(true);
      expect(relativeError(results[name].data, numbers, allowed), name).toBeLessThan(tolerance);
    }
  });
});
