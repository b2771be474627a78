/**
 * @file Measures each algorithm of a convolution on this machine, as a session of one node with the options of a large
 * model. An algorithm whose result differs from the plain convolution's is never chosen.
 */
import { createGraph, emit, type Graph, input, type Node, output, weight } from '../graph/graph.ts';
import { operations } from '../graph/operations.ts';
import { reachableNodes } from '../graph/verify.ts';
import {
  type ConvolutionAlgorithm,
  type ConvolutionDirection,
  type ConvolutionShape,
  convolutionKey,
  possibleAlgorithms,
  shapeOfConvolution,
  tabledConvolution,
} from '../onnx/convolution-choice.ts';
import { randomStream } from '../tensor/random.ts';
import { elementCount, type Shape, type Tensor, tensor } from '../tensor/tensor.ts';
import { openSession, type Session } from './session.ts';

export interface Convolution {
  readonly key: string;
  readonly direction: ConvolutionDirection;
  readonly shape: ConvolutionShape;
  readonly flops: number;
}

export interface AlgorithmTiming {
  readonly algorithm: ConvolutionAlgorithm;
  readonly bestMs: number;
  readonly medianMs: number;
  /** ‖difference‖ / ‖result‖ from the direct form. */
  readonly error: number;
}

export interface TunedConvolution {
  readonly timings: readonly AlgorithmTiming[];
  readonly tabled: ConvolutionAlgorithm;
  readonly chosen: ConvolutionAlgorithm;
}

/** Convolutions of a graph that more than one algorithm computes, and how many of each there are. */
export function convolutionsOf(graph: Graph): Map<string, { convolution: Convolution; count: number }> {
  const found = new Map<string, { convolution: Convolution; count: number }>();
  for (const node of reachableNodes(graph)) {
    if (node.op !== 'conv2d' && node.op !== 'conv2dInputGradient') continue;
    const direction = node.op === 'conv2d' ? 'forward' : 'backward';
    const shape = shapeOfConvolution(node as Node<'conv2d'>);
    if (possibleAlgorithms(shape, direction).length < 2) continue;
    const key = convolutionKey(shape, direction);
    const known = found.get(key);
    const flops = operations.conv2d.flops?.([[], node.inputs[1].shape], [coarseShape(node)], shape) ?? 0;
    found.set(key, {
      convolution: { key, direction, shape, flops },
      count: (known?.count ?? 0) + 1,
    });
  }
  return found;
}

/** The picture that the layer makes, of which the work is counted. */
const coarseShape = ({ op, inputs, outputs }: Node): Shape => (op === 'conv2d' ? outputs : inputs)[0].shape;

/** F(4×4,3×3) differs by 2e-6 … 6e-6 in the shapes of Stable Diffusion; a wrong algorithm by about 1. */
const tolerance = 3e-5;

/** Transformed weights lie in memory during a layer, which plans of memory allow for up to this size. */
const transformedBytes = 256 * 2 ** 20;

/** Another algorithm than the table's must win by this much, or noise would choose. */
const worthwhile = 0.95;

/** Numbers in −0.5 … 0.5 that repeat after a prime number of places, so that no channel equals another. */
function noise(shape: Shape, scale: number): Tensor {
  const random = randomStream(1, 'tune');
  const block = Float32Array.from({ length: 65_521 }, () => scale * (random.uniform() - 0.5));
  const data = new Float32Array(elementCount(shape));
  for (let at = 0; at < data.length; at += block.length) {
    data.set(block.subarray(0, Math.min(block.length, data.length - at)), at);
  }
  return tensor(shape, data);
}

interface Bench {
  readonly feeds: { readonly x: Tensor };
  open(algorithm: ConvolutionAlgorithm): Promise<Session>;
}

function prepareBench({ key, direction, shape }: Convolution, threads?: number): Bench {
  const { batch, kernel, stride, pads, inChannels, outChannels, height, width } = shape;
  const picture = [batch, inChannels, height, width];
  const result = [batch, outChannels, height + pads[0] + pads[2] - 2, width]; // 3×3, stride 1
  const fed = direction === 'forward' ? picture : result;
  const weights = noise([outChannels, inChannels, kernel, kernel], 1 / (kernel * Math.sqrt(inChannels))).data;
  const build = (): Graph => {
    const graph = createGraph();
    const x = input(graph, 'x', fed);
    const w = weight(graph, 'w', [outChannels, inChannels, kernel, kernel], weights);
    const attributes = { stride, pads };
    const [y] =
      direction === 'forward'
        ? emit('conv2d', [x, w], attributes)
        : emit('conv2dInputGradient', [x, w], { ...attributes, inputShape: picture });
    output('y', y);
    return graph;
  };
  return {
    feeds: { x: noise(fed, 1) },
    open: algorithm =>
      openSession(build(), {
        convolutions: new Map([[key, algorithm]]),
        foldBelowBytes: 0,
        ...(threads === undefined ? {} : { threads }),
      }),
  };
}

function difference(actual: Float32Array, expected: Float32Array): number {
  let apart = 0;
  let size = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    apart += (actual[i] - expected[i]) ** 2;
    size += expected[i] ** 2;
  }
  return Math.sqrt(apart / size);
}

/** Those that are measured: the table's choice, the direct one, and those whose weights need no more than planned memory. */
function candidates({ shape, direction }: Convolution): ConvolutionAlgorithm[] {
  const tabled = tabledConvolution(shape, direction);
  const points = { direct: 0, winograd2: 16, winograd4: 36 };
  return possibleAlgorithms(shape, direction).filter(
    algorithm =>
      algorithm === tabled ||
      4 * points[algorithm] * shape.inChannels * shape.outChannels <= transformedBytes,
  );
}

/** The fastest right algorithm; the table's unless another is clearly faster, by its best and by its median time. */
export function chooseTimed(
  timings: readonly AlgorithmTiming[],
  tabled: ConvolutionAlgorithm,
): ConvolutionAlgorithm {
  const right = timings.filter(({ error }) => error <= tolerance);
  const usual = right.find(({ algorithm }) => algorithm === tabled);
  const faster = right.filter(
    ({ bestMs, medianMs }) =>
      !usual || (bestMs <= worthwhile * usual.bestMs && medianMs <= worthwhile * usual.medianMs),
  );
  return faster.sort((a, b) => a.bestMs - b.bestMs)[0]?.algorithm ?? (usual ? tabled : 'direct');
}

export interface TuneOptions {
  readonly threads?: number;
  /** Runs of each algorithm, one after the other in turns; 7 unless said. */
  readonly rounds?: number;
}

/** Times the algorithms of one convolution in turns, so that what else the machine does meets them alike. */
export async function tuneConvolution(
  convolution: Convolution,
  { threads, rounds = 7 }: TuneOptions = {},
): Promise<TunedConvolution> {
  const bench = prepareBench(convolution, threads);
  const algorithms = candidates(convolution);
  const sessions: Session[] = [];
  try {
    const results: Float32Array[] = [];
    for (const algorithm of algorithms) {
      const session = await bench.open(algorithm);
      sessions.push(session);
      const { y } = await session.run(bench.feeds);
      results.push(y.data);
    }
    const times: number[][] = algorithms.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, session] of sessions.entries()) {
        const started = performance.now();
        await session.run(bench.feeds);
        times[i].push(performance.now() - started);
      }
    }
    const timings = algorithms.map((algorithm, i) => {
      const sorted = times[i].sort((a, b) => a - b);
      const error = difference(results[i], results[0]);
      return { algorithm, bestMs: sorted[0], medianMs: sorted[sorted.length >> 1], error };
    });
    const tabled = tabledConvolution(convolution.shape, convolution.direction);
    return { timings, tabled, chosen: chooseTimed(timings, tabled) };
  } finally {
    for (const session of sessions) await session.release();
  }
}
