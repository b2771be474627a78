/** @file What a graph costs, from the graph alone: operations, weights, and the peak of live activations. */
import { bytesPerElement, elementCount } from '../tensor/tensor.ts';
import type { Graph, Value } from './graph.ts';
import { type Operation, type OpName, operations } from './operations.ts';
import { reachableNodes } from './verify.ts';

export interface GraphCost {
  readonly nodes: number;
  /** Floating point operations of products and convolutions; a multiply–add is two. */
  readonly flops: number;
  /** Bytes of weights as stored; mapped from their files, not copied. */
  readonly weightBytes: number;
  /** Highest sum of activations that are alive at once, in the order of the graph. */
  readonly peakActivationBytes: number;
  /** Feeds and results. */
  readonly inputBytes: number;
  readonly outputBytes: number;
}

const bytesOf = (value: Value): number => elementCount(value.shape) * bytesPerElement[value.dtype];

/** Operations whose output is the input's memory. */
const aliasing: ReadonlySet<OpName> = new Set<OpName>(['reshape', 'after']);

/** Peak of live bytes when nodes run in order and a value is freed after its last reader. */
function peakActivations(graph: Graph): number {
  const nodes = reachableNodes(graph);
  const root = new Map<Value, Value>();
  const rootOf = (value: Value): Value => root.get(value) ?? value;
  const lastUse = new Map<Value, number>();
  for (const [position, node] of nodes.entries()) {
    if (aliasing.has(node.op)) root.set(node.outputs[0], rootOf(node.inputs[0]));
    for (const value of node.inputs) lastUse.set(rootOf(value), position);
  }
  for (const { value } of graph.outputs) lastUse.set(rootOf(value), nodes.length);
  const freed: Value[][] = nodes.map(() => []);
  for (const [value, position] of lastUse) {
    if (value.origin.kind === 'node' && position < nodes.length) freed[position].push(value);
  }
  let live = 0;
  let peak = 0;
  for (const [position, node] of nodes.entries()) {
    if (!aliasing.has(node.op))
      for (const value of node.outputs) if (lastUse.has(value)) live += bytesOf(value);
    peak = Math.max(peak, live);
    for (const value of freed[position]) live -= bytesOf(value);
  }
  return peak;
}

export function costOf(graph: Graph): GraphCost {
  const nodes = reachableNodes(graph);
  let flops = 0;
  for (const node of nodes) {
    const { flops: count } = operations[node.op] as Operation<OpName>;
    const shapes = (values: readonly Value[]) => values.map(value => value.shape);
    flops += count?.(shapes(node.inputs), shapes(node.outputs), node.attributes as never) ?? 0;
  }
  const stored = new Map<string, number>();
  for (const { origin } of graph.weights.values()) {
    if (origin.kind !== 'weight') continue;
    stored.set(
      origin.name,
      origin.bytes instanceof Float32Array ? origin.bytes.byteLength : origin.bytes.length,
    );
  }
  const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
  return {
    nodes: nodes.length,
    flops,
    weightBytes: sum(stored.values()),
    peakActivationBytes: peakActivations(graph),
    inputBytes: sum(graph.inputs.map(bytesOf)),
    outputBytes: sum(graph.outputs.map(({ value }) => bytesOf(value))),
  };
}
