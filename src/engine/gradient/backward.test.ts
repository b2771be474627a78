/** The backward walk: what it makes, what it leaves alone, in which order things must run. */
import { describe, expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import {
  createGraph,
  type Graph,
  input,
  inScope,
  inSegment,
  type Node,
  ofParameters,
  output,
  stopGradient,
  type Value,
  weight,
} from '../graph/graph.ts';
import { verify } from '../graph/verify.ts';
import { capabilities } from '../onnx/capabilities.ts';
import { lower } from '../onnx/lower.ts';
import { evaluateValues } from '../reference/evaluate.ts';
import { randomStream } from '../tensor/random.ts';
import { elementCount, type Shape } from '../tensor/tensor.ts';
import { type BackwardOptions, gradients } from './backward.ts';

function normals(name: string, shape: Shape): Float32Array {
  return randomStream(5, name).normals(elementCount(shape));
}

function frozen(graph: Graph, name: string, shape: Shape): Value {
  return weight(graph, name, shape, normals(name, shape));
}

function ancestors(values: readonly Value[]): Set<Node> {
  const needed = new Set(values);
  const nodes = new Set<Node>();
  for (const node of values[0].graph.nodes.toReversed()) {
    if (!node.outputs.some(value => needed.has(value))) continue;
    nodes.add(node);
    for (const value of node.inputs) needed.add(value);
  }
  return nodes;
}

const countOf = (nodes: Iterable<Node>, op: string): number =>
  [...nodes].filter(node => node.op === op).length;

interface Network {
  readonly graph: Graph;
  readonly loss: Value;
  /** By layer, first layer first. */
  readonly trainable: Value[];
  readonly feeds: Map<string, Float64Array>;
  /** Nodes of the forward pass. */
  readonly forwardNodes: number;
}

/** Residual layers x + up·silu(frozen·x + down·x); layers in `trained` have a trainable side branch. */
function residualNetwork(layers: number, trained: readonly number[]): Network {
  const graph = createGraph();
  const feeds = new Map<string, Float64Array>();
  const given = (name: string, shape: Shape): Value => {
    feeds.set(name, Float64Array.from(normals(name, shape)));
    return input(graph, name, shape);
  };
  const trainable: Value[] = [];
  let x = given('x', [2, 3, 4]);
  for (let i = 0; i < layers; i++) {
    x = inScope(graph, `layer${i}`, () =>
      inSegment(graph, () => {
        let y = f.linear(x, frozen(graph, `frozen${i}`, [4, 4]), frozen(graph, `bias${i}`, [4]));
        if (trained.includes(i)) {
          const [down, up] = [given(`down${i}`, [2, 4]), given(`up${i}`, [4, 2])];
          trainable.push(down, up);
          y = f.add(y, f.linear(f.linear(x, down), up));
        }
        return f.add(x, f.silu(f.layerNorm(y, frozen(graph, 'gain', [4]), frozen(graph, 'bias', [4]), 1e-5)));
      }),
    );
  }
  const loss = f.mean(f.square(f.sub(x, given('target', x.shape))));
  return { graph, loss, trainable, feeds, forwardNodes: graph.nodes.length };
}

function run(
  network: Network,
  options: BackwardOptions = {},
): { made: Value[]; nodes: Node[]; results: Float64Array[] } {
  const made = gradients(network.loss, network.trainable, options);
  verify(network.graph);
  const nodes = network.graph.nodes.slice(network.forwardNodes);
  return { made, nodes, results: evaluateValues(made, network.feeds) };
}

describe('frozen parts', () => {
  function convolutions(trainedLayer: 0 | 1): { graph: Graph; nodes: Node[] } {
    const graph = createGraph();
    const kernel = (i: number): Value =>
      i === trainedLayer ? input(graph, 'kernel', [3, 3, 3, 3]) : frozen(graph, `kernel${i}`, [3, 3, 3, 3]);
    const [k0, k1] = [kernel(0), kernel(1)];
    const x = input(graph, 'x', [1, 3, 4, 4]);
    const loss = f.mean(f.square(f.conv2d(f.silu(f.conv2d(x, k0)), k1)));
    const before = graph.nodes.length;
    gradients(loss, [trainedLayer === 0 ? k0 : k1]);
    return { graph, nodes: graph.nodes.slice(before) };
  }

  test('a frozen kernel gets no gradient, and what lies above the first trainable layer gets none either', () => {
    const first = convolutions(0).nodes;
    expect(countOf(first, 'conv2dWeightGradient')).toBe(1); // of the trained kernel
    expect(countOf(first, 'conv2dInputGradient')).toBe(1); // through the frozen kernel, not into the picture
    const last = convolutions(1).nodes;
    expect(countOf(last, 'conv2dWeightGradient')).toBe(1);
    expect(countOf(last, 'conv2dInputGradient')).toBe(0);
    expect(countOf(last, 'siluGradient')).toBe(0);
  });

  test('training the last layer makes the same nodes whatever lies above it', () => {
    const scopes = (layers: number): string[] =>
      run(residualNetwork(layers, [layers - 1])).nodes.map(
        ({ scope, op }) => `${scope.replace(`layer${layers - 1}`, 'last')} ${op}`,
      );
    expect(scopes(5)).toEqual(scopes(1));
    expect(new Set(scopes(5).map(line => line.split(' ')[0]))).toEqual(new Set(["last'", "'"]));
  });

  test('a frozen layer between trainable ones adds no gradient of its weights', () => {
    const { graph, nodes, made } = { ...residualNetwork(3, [0, 2]), ...run(residualNetwork(3, [0, 2])) };
    expect(made).toHaveLength(4);
    const weights = new Set([...graph.weights.values()].map(value => value.shape.join()));
    expect(weights).toContain('4,4');
    // The gradient of a frozen [4, 4] matrix would be the only product of that shape.
    expect(nodes.filter(({ op, outputs }) => op === 'matmul' && outputs[0].shape.join() === '4,4')).toEqual(
      [],
    );
  });
});

describe('recomputation', () => {
  const kept = run(residualNetwork(4, [0, 2, 3]));

  test('changes no bit of any gradient', () => {
    expect(run(residualNetwork(4, [0, 2, 3]), { recompute: () => true }).results).toEqual(kept.results);
  });

  test('computes each segment once more, its node inputs gated by a cotangent', () => {
    const network = residualNetwork(4, [0, 1, 2, 3]);
    const { nodes, made } = run(network, { recompute: () => true });
    const copies = nodes.filter(({ op }) => op === 'silu');
    expect(copies.map(({ scope }) => scope)).toEqual(["layer3'", "layer2'", "layer1'", "layer0'"]);
    const forward = new Set(network.graph.nodes.slice(0, network.forwardNodes));
    for (const copy of copies.slice(0, 3)) {
      const gates = [...ancestors(copy.inputs)].filter(
        ({ op, scope }) => op === 'after' && scope === copy.scope,
      );
      expect(gates.length, copy.scope).toBeGreaterThan(0);
      for (const { inputs } of gates) {
        // …waits for something that backward made.
        const { origin } = inputs[1];
        expect(origin.kind === 'node' && !forward.has(origin.node), copy.scope).toBe(true);
      }
    }
    // Nothing inside a kept segment is read by backward: only inputs of segments are.
    const inside = new Set(
      [...forward].filter(({ op }) => op === 'silu' || op === 'layerNorm').flatMap(({ outputs }) => outputs),
    );
    const backwardNodes = [...ancestors(made)].filter(node => !forward.has(node));
    expect(backwardNodes.flatMap(({ inputs }) => inputs).filter(value => inside.has(value))).toEqual([]);
  });

  test('without it the forward values themselves are used', () => {
    const network = residualNetwork(2, [0, 1]);
    expect(countOf(run(network).nodes, 'silu')).toBe(0);
  });
});

describe('weights made of parameters', () => {
  /** Layers x·(frozen + up·down)ᵀ, each in a segment. */
  function madeWeights(layers: number): Network {
    const graph = createGraph();
    const feeds = new Map<string, Float64Array>();
    const given = (name: string, shape: Shape): Value => {
      feeds.set(name, Float64Array.from(normals(name, shape)));
      return input(graph, name, shape);
    };
    const trainable: Value[] = [];
    let x = given('x', [6, 4]);
    for (let i = 0; i < layers; i++) {
      const [down, up] = [given(`down${i}`, [2, 4]), given(`up${i}`, [4, 2])];
      trainable.push(down, up);
      const base = frozen(graph, `frozen${i}`, [4, 4]);
      x = inScope(graph, `layer${i}`, () =>
        inSegment(graph, () => {
          const made = ofParameters(graph, () => f.mul(f.add(base, f.matmul(up, down)), base));
          return f.silu(f.linear(x, made));
        }),
      );
    }
    const loss = f.mean(f.square(f.sub(x, given('target', x.shape))));
    return { graph, loss, trainable, feeds, forwardNodes: graph.nodes.length };
  }
  const plain = run(madeWeights(3));
  const isMade = (graph: Graph, { segment }: Node): boolean => graph.parameterSegments.has(segment);

  test.each<[string, BackwardOptions]>([
    ['made again', { makeCheapAgain: true }],
    ['made again with all else', { makeCheapAgain: true, recompute: () => true }],
    ['kept where all else is made again', { recompute: () => true }],
  ])('%s: no bit of any gradient changes', (_, options) => {
    expect(run(madeWeights(3), options).results).toEqual(plain.results);
  });

  test.each([false, true])('none is kept for backward where cheap values are not (recompute: %s)', all => {
    const network = madeWeights(3);
    const { made } = run(network, { makeCheapAgain: true, recompute: () => all });
    const forward = new Set(network.graph.nodes.slice(0, network.forwardNodes));
    const inside = new Set(
      [...forward].filter(node => isMade(network.graph, node)).flatMap(({ outputs }) => outputs),
    );
    expect(inside.size).toBe(9);
    const backwardNodes = [...ancestors(made)].filter(node => !forward.has(node));
    expect(backwardNodes.flatMap(({ inputs }) => inputs).filter(value => inside.has(value))).toEqual([]);
    // Copies read parameters that wait for a cotangent, or they would be merged with the originals.
    const copies = backwardNodes.filter(({ op, inputs }) => op === 'matmul' && inputs[1].shape[0] === 2);
    expect(copies.filter(({ inputs }) => inputs.every(({ origin }) => origin.kind === 'input'))).toEqual([]);
  });

  test('without it they are kept', () => {
    const { nodes } = run(madeWeights(3));
    expect(countOf(nodes, 'linear')).toBe(0);
    expect(countOf(run(madeWeights(3), { makeCheapAgain: true }).nodes, 'after')).toBeGreaterThan(0);
  });

  test('they come first in the model, so that the runtime makes each right before its reader', () => {
    const network = madeWeights(2);
    output('loss', network.loss);
    const { model } = lower(network.graph, capabilities.cpu);
    const ops = network.graph.nodes.filter(node => isMade(network.graph, node)).map(({ id }) => `n${id}.`);
    const ofParts = model.nodes.map(({ name }) => ops.some(start => name.startsWith(start)));
    expect(ofParts.filter(Boolean)).toHaveLength(6);
    expect(ofParts.slice(0, 6)).toEqual(Array(6).fill(true));
  });
});

test('no gradient flows through a stopped value', () => {
  const graph = createGraph();
  const x = input(graph, 'x', []);
  const norm = stopGradient(f.sqrt(f.square(x)));
  const [gradient] = gradients(f.mul(f.square(x), norm), [x]);
  // d/dx x²·|x|, |x| held: 2x·|x| = 18 at x = 3, where the whole derivative is 27.
  expect(evaluateValues([gradient], new Map([['x', [3]]]))[0]).toEqual(Float64Array.of(18));
});

describe('order', () => {
  const makersOf = (values: readonly Value[]): Node[] =>
    values.map(({ origin }) => (origin as { node: Node }).node);

  test('the cotangent that flows on waits for the finished gradients of later layers', () => {
    const { made } = run(residualNetwork(4, [0, 1, 2, 3]), { finishedAtOnce: 1 });
    const before = ancestors(made.slice(0, 2)); // of down0 and up0
    expect(makersOf(made.slice(2)).filter(node => !before.has(node))).toEqual([]);
  });

  test('gradients are waited for in groups, joined where a side is common', () => {
    const network = residualNetwork(6, [0, 1, 2, 3, 4, 5]);
    const { made, nodes } = run(network, { finishedAtOnce: 4 });
    const before = ancestors(made.slice(0, 2));
    const waitedFor = makersOf(made.slice(2)).filter(node => before.has(node));
    expect(waitedFor.length).toBeGreaterThanOrEqual(4);
    expect(countOf(nodes, 'after')).toBe(2); // of 12 gradients, the last group has nothing left to hold back
    expect(countOf(nodes, 'concat')).toBeGreaterThan(0);
  });

  test('without order the first layer waits for no gradient', () => {
    const { made } = run(residualNetwork(4, [0, 1, 2, 3]), { ordered: false });
    const before = ancestors(made.slice(0, 2));
    expect(makersOf(made.slice(2)).filter(node => before.has(node))).toEqual([]);
  });

  test('unordered backward makes no gates and the same numbers', () => {
    const ordered = run(residualNetwork(3, [0, 1, 2]), { finishedAtOnce: 1 });
    const plain = run(residualNetwork(3, [0, 1, 2]), { ordered: false });
    expect(countOf(ordered.nodes, 'after')).toBeGreaterThan(0);
    expect(countOf(plain.nodes, 'after')).toBe(0);
    expect(plain.results).toEqual(ordered.results);
  });
});

describe('accumulation', () => {
  test('adds up every use of a value', () => {
    const graph = createGraph();
    const x = input(graph, 'x', []);
    const loss = f.add(f.mul(x, x), f.add(f.scale(x, 3), f.mul(f.mul(x, x), x)));
    const [gradient] = gradients(loss, [x]);
    // d/dx (x² + 3x + x³) = 2x + 3 + 3x² = 4 + 3 + 12 at x = 2
    expect(evaluateValues([gradient], new Map([['x', [2]]]))[0]).toEqual(Float64Array.of(19));
  });

  test('a node may be trainable itself, beside what it is computed from', () => {
    const graph = createGraph();
    const x = input(graph, 'x', []);
    const middle = f.mul(x, x);
    const loss = f.add(f.mul(middle, middle), x);
    const made = gradients(loss, [x, middle]);
    // loss = m² + x with m = x²: by m: 2m = 18, by x: 2m·2x + 1 = 109, at x = 3.
    expect(evaluateValues(made, new Map([['x', [3]]])).map(([value]) => value)).toEqual([109, 18]);
  });
});

describe('refusals', () => {
  test('a loss that depends on nothing trainable', () => {
    const graph = createGraph();
    const loss = f.mean(input(graph, 'x', [3]));
    expect(() => gradients(loss, [input(graph, 'w', [3])])).toThrow('does not depend on any trainable value');
  });

  test('one trainable value that the loss does not use', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [3]);
    expect(() => gradients(f.mean(x), [x, input(graph, 'w', [3])])).toThrow('does not influence the loss');
  });

  test('a loss that is not a scalar', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [3]);
    expect(() => gradients(f.neg(x), [x])).toThrow('must be a scalar [], it is [3]');
  });
});
