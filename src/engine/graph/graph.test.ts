/** Building, checking and printing graphs. */
import { describe, expect, test } from 'vitest';
import * as f from './functions.ts';
import {
  constant,
  createGraph,
  emit,
  type Graph,
  input,
  inScope,
  inSegment,
  type Node,
  output,
  scalar,
  sourceOf,
  type Value,
  weight,
} from './graph.ts';
import { printGraph } from './print.ts';
import { findFaults, nameOf, reachableNodes, verify } from './verify.ts';

const bytes = { path: 'base.safetensors', dtype: 'float16', offset: 8, length: 24 } as const;

function smallGraph(): { graph: Graph; x: Value; y: Value } {
  const graph = createGraph();
  const x = input(graph, 'x', [1, 3]);
  const y = inScope(graph, 'down', () =>
    inScope(graph, 'proj', () => f.linear(x, weight(graph, 'w', [4, 3], bytes))),
  );
  return { graph, x, y };
}

describe('building', () => {
  test('shapes come from the operation table', () => {
    const { y } = smallGraph();
    expect(y.shape).toEqual([1, 4]);
    expect(y.dtype).toBe('float32');
  });

  test('a name of an input is taken once', () => {
    const { graph } = smallGraph();
    expect(() => input(graph, 'x', [1])).toThrow('graph input x is declared twice');
  });

  test('a weight is one value a shape, and reshaping it is a view of the same bytes', () => {
    const { graph } = smallGraph();
    const w = weight(graph, 'w', [4, 3], bytes);
    expect(graph.weights.size).toBe(1);
    const before = graph.nodes.length;
    const seen = f.reshape(w, [4, 3, 1, 1]);
    expect(seen.origin).toEqual(w.origin);
    expect(graph.nodes.length).toBe(before);
  });

  test('equal small constants are shared, others are not', () => {
    const graph = createGraph();
    expect(scalar(graph, 2)).toBe(scalar(graph, 2));
    expect(scalar(graph, 2)).not.toBe(constant(graph, [1], Float32Array.of(2)));
    expect(constant(graph, [1], BigInt64Array.of(2n))).not.toBe(constant(graph, [1], Float32Array.of(2)));
    expect(constant(graph, [65], new Float32Array(65))).not.toBe(constant(graph, [65], new Float32Array(65)));
    expect(() => constant(graph, [2], Float32Array.of(1))).toThrow('constant [2] has 1 elements');
  });

  test('scopes nest, and are left when the layer throws', () => {
    const { graph, y } = smallGraph();
    expect(graph.nodes.at(-1)?.scope).toBe('down.proj');
    expect(() => inScope(graph, 'broken', () => f.add(y, input(graph, 'z', [3])))).toThrow(/broadcast/);
    expect(graph.scope).toBe('');
  });

  test('segments are numbered, do not nest, and are left when the layer throws', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    inSegment(graph, () => inSegment(graph, () => f.neg(x)));
    expect(() =>
      inSegment(graph, () => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    f.exp(x);
    inSegment(graph, () => f.sin(x));
    expect(graph.nodes.map(({ op, segment }) => [op, segment])).toEqual([
      ['neg', 1],
      ['exp', 0],
      ['sin', 3],
    ]);
  });

  test('sizes that are no whole numbers are refused', () => {
    const graph = createGraph();
    expect(() => input(graph, 'x', [2.5])).toThrow('bad shape [2.5]');
    expect(() => input(graph, 'x', [-1])).toThrow(RangeError);
    // An odd picture cannot be pooled in twos.
    expect(() => f.sumPool2(input(graph, 'odd', [1, 1, 3, 2]))).toThrow('bad shape [1,1,1.5,1]');
  });

  test('a node knows the line that made it, outside the folders of the graph itself', () => {
    const { graph } = smallGraph();
    const [node] = graph.nodes;
    expect(node.madeAt.stack).toContain('graph.test.ts');
    const stack = [
      'Error',
      '    at linear (file:///project/src/engine/graph/functions.ts:74:13)',
      '    at attend (file:///project/src/models/unet/transformer.ts:15:9)',
      '    at unet (file:///project/src/models/unet/unet.ts:5:1)',
    ].join('\n');
    expect(sourceOf({ ...node, madeAt: { stack } })).toBe(
      'attend (/project/src/models/unet/transformer.ts:15:9)',
    );
  });
});

describe('functions that need no node', () => {
  const graph = createGraph();
  const x = input(graph, 'x', [2, 3]);
  test.each<[string, () => Value]>([
    ['reshape to the same shape', () => f.reshape(x, [2, 3])],
    ['transpose to the same order', () => f.transpose(x, [0, 1])],
    ['expand to the same shape', () => f.expand(x, [2, 3])],
    ['concat of one value', () => f.concat([x], 0)],
    ['slice of everything', () => f.slice(x, 1, 0, 3)],
    ['after nothing', () => f.after(x, [])],
    ['scale by one', () => f.scale(x, 1)],
    ['sumTo the same shape', () => f.sumTo(x, [2, 3])],
  ])('%s', (_, build) => {
    expect(build()).toBe(x);
    expect(graph.nodes).toEqual([]);
  });
});

describe('attention', () => {
  const scoresMade = (tokens: number, mask: boolean): string[] => {
    const graph = createGraph();
    const [q, k, v] = ['q', 'k', 'v'].map(name => input(graph, name, [1, tokens, 8]));
    f.attention(q, k, v, 2, mask ? input(graph, 'mask', [tokens, tokens]) : undefined);
    return graph.nodes.map(({ op }) => op).filter(op => op === 'attention' || op === 'softmax');
  };
  test('keeps its probabilities for few tokens, and not for many', () => {
    expect(scoresMade(1023, false)).toEqual(['softmax']);
    expect(scoresMade(1024, false)).toEqual(['attention']);
    expect(scoresMade(1024, true)).toEqual(['softmax']);
  });
});

describe('verify', () => {
  /** Replaces parts of a node, as no builder would. */
  function tampered(change: (node: Node, graph: Graph) => Partial<Node>): Graph {
    const { graph, y } = smallGraph();
    output('y', f.exp(y));
    const last = graph.nodes.length - 1;
    graph.nodes[last] = { ...graph.nodes[last], ...change(graph.nodes[last], graph) };
    return graph;
  }

  test('a good graph has no faults', () => {
    const { graph, y } = smallGraph();
    output('y', y);
    expect(findFaults(graph)).toEqual([]);
    expect(() => verify(graph)).not.toThrow();
  });

  test('a value of another graph', () => {
    const foreign = input(createGraph(), 'x', [1, 4]);
    const graph = tampered(() => ({ inputs: [foreign] }));
    expect(findFaults(graph)).toEqual([expect.stringMatching(/^exp#\d+ uses a value of another graph$/)]);
  });

  test('a value before it is made', () => {
    const graph = tampered(({ outputs }) => ({ inputs: outputs }));
    expect(findFaults(graph)).toEqual([expect.stringMatching(/^exp#\d+ uses value %\d+ before it is made$/)]);
    expect(() => verify(graph)).toThrow(/not well formed:\nexp#\d+ uses value/);
  });

  test('a shape that the operation does not make', () => {
    const graph = tampered(({ outputs }) => ({ outputs: [{ ...outputs[0], shape: [4, 1] }] }));
    expect(findFaults(graph)).toContainEqual(expect.stringMatching(/^exp#\d+ output 0 has a wrong shape$/));
  });

  test('outputs with one name, and outputs of nowhere', () => {
    const { graph, y } = smallGraph();
    output('y', y);
    output('y', y);
    graph.outputs.push({ name: 'lost', value: input(createGraph(), 'x', [1]) });
    expect(findFaults(graph)).toEqual(['output y is declared twice', 'output lost is not made by the graph']);
  });

  test('only what outputs need is reachable, in order', () => {
    const { graph, y } = smallGraph();
    f.sin(y);
    output('y', f.exp(y));
    f.cos(y);
    expect(reachableNodes(graph).map(({ op }) => op)).toEqual(['linear', 'exp']);
  });

  test('a name tells operation, number and layer', () => {
    const { graph, x } = smallGraph();
    const [linear] = graph.nodes;
    expect(nameOf(linear)).toBe(`linear#${linear.id} (down.proj)`);
    f.neg(x);
    expect(nameOf(graph.nodes[1])).toBe(`neg#${graph.nodes[1].id}`);
  });
});

test('print shows one node a line, with shapes, attributes and layers', () => {
  const { graph, y } = smallGraph();
  const [, inverseStd] = emit('normalize', [f.add(y, scalar(graph, 0.5))], { epsilon: 0.25 });
  f.exp(y); // needed by no output
  output('y', f.mul(inverseStd, f.floats(y, [2, 1], [1, 2])));
  output('x', graph.inputs[0]);
  expect(printGraph(graph)).toBe(
    [
      "%4 [1,4] = linear(x[1,3], 'w'[4,3])  in down.proj",
      '%7 [1,4] = add(%4, 0.5)',
      '%9 [1,4], %10 [1,1] = normalize(%7)  {"epsilon":0.25}',
      '%15 [2,1] = mul(%10, constant[2,1])',
      'return y = %15, x = x[1,3]',
    ].join('\n'),
  );
});
