/** Measured choices: what is measured agrees with the plain convolution, and only what is right is chosen. */
import { describe, expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import { createGraph, input, output, weight } from '../graph/graph.ts';
import { type ConvolutionAlgorithm, convolutionKey } from '../onnx/convolution-choice.ts';
import { lowerForSession } from './session.ts';
import { type AlgorithmTiming, chooseTimed, convolutionsOf, tuneConvolution } from './tune-convolutions.ts';

const shape = {
  ...{ batch: 2, kernel: 3, stride: 1, pads: [1, 1, 1, 1] as const },
  ...{ inChannels: 96, outChannels: 64, height: 16, width: 24 },
};

describe.each(['forward', 'backward'] as const)('%s', direction => {
  test.each([1, 2])('every algorithm gives what the plain one gives, batch %i', async batch => {
    const some = { ...shape, batch };
    const key = convolutionKey(some, direction);
    const { timings, chosen } = await tuneConvolution(
      { key, direction, shape: some, flops: 1 },
      { rounds: 2 },
    );
    expect(timings.map(({ algorithm }) => algorithm)).toEqual(['direct', 'winograd2', 'winograd4']);
    const [, two, four] = timings;
    // F(4×4,3×3) loses about one digit (Lavin & Gray 2015 §6.1); float32 sums of 864 terms differ by 3e-7. But not by 0:
    // then the same kernel would have run twice.
    for (const { error } of [two, four]) expect(error).toBeGreaterThan(1e-8);
    expect(two.error).toBeLessThan(2e-6);
    expect(four.error).toBeLessThan(1e-5);
    expect(timings.map(({ algorithm }) => algorithm)).toContain(chosen);
  });
});

test('a band of rows without a row above or below is measured too', async () => {
  const band = { ...shape, batch: 1, pads: [0, 1, 1, 1] as const, height: 17 };
  const { timings } = await tuneConvolution(
    { key: convolutionKey(band, 'forward'), direction: 'forward', shape: band, flops: 1 },
    { rounds: 1 },
  );
  expect(timings).toHaveLength(3);
  for (const { error } of timings) expect(error).toBeLessThan(1e-5);
});

describe('what is chosen', () => {
  const timing = (algorithm: ConvolutionAlgorithm, ms: number, error = 0): AlgorithmTiming => ({
    ...{ algorithm, error, bestMs: ms, medianMs: ms },
  });

  test('the fastest, if it wins clearly', () => {
    expect(chooseTimed([timing('direct', 10), timing('winograd2', 8)], 'direct')).toBe('winograd2');
    expect(chooseTimed([timing('direct', 10), timing('winograd2', 9.7)], 'direct')).toBe('direct');
    const lucky = { ...timing('winograd2', 8), medianMs: 11 };
    expect(chooseTimed([timing('direct', 10), lucky], 'direct')).toBe('direct');
  });

  test('never a wrong one, also where the table says so', () => {
    expect(chooseTimed([timing('direct', 10), timing('winograd2', 1, 0.01)], 'direct')).toBe('direct');
    expect(chooseTimed([timing('direct', 10), timing('winograd4', 1, 0.01)], 'winograd4')).toBe('direct');
    expect(chooseTimed([timing('direct', 10), timing('winograd4', 1, Number.NaN)], 'direct')).toBe('direct');
  });
});

test('a graph tells its convolutions and obeys the choices it is given, but none that its shape forbids', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [1, 64, 8, 8]);
  const w = weight(graph, 'w', [64, 64, 3, 3], new Float32Array(64 * 64 * 9));
  const pads = [1, 1, 1, 1] as const;
  const y = f.conv2d(f.conv2d(x, w, undefined, { pads }), w, undefined, { pads });
  output('y', f.conv2d(y, w, undefined, { pads, stride: 2 }));
  const found = convolutionsOf(graph);
  const key = 'forward 1×64×8×8 → 64, 3×3/1 pads 1,1,1,1';
  expect([...found.keys()]).toEqual([key]); // with stride 2 there is nothing to choose
  expect(found.get(key)?.count).toBe(2);
  expect(found.get(key)?.convolution.flops).toBe(2 * 64 * 64 * 9 * 64);

  const options = { foldBelowBytes: 0 };
  const opsWith = (convolutions?: ReadonlyMap<string, ConvolutionAlgorithm>): string[] =>
    lowerForSession(graph, convolutions ? { ...options, convolutions } : options).model.nodes.map(
      ({ op }) => op,
    );
  expect(opsWith()).toEqual(['Conv', 'Conv', 'Conv']);
  expect(opsWith(new Map([[key, 'winograd4']])).filter(op => op === 'MatMul')).toHaveLength(4);
  const strided = 'forward 1×64×8×8 → 64, 3×3/2 pads 1,1,1,1';
  expect(opsWith(new Map([[strided, 'winograd4']]))).toEqual(['Conv', 'Conv', 'Conv']);
});
