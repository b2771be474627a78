/**
 * @file A plain float64 interpreter of graphs: the executable meaning of each operation, against which gradient rules
 * and every lowering are checked. Slow on purpose; nothing here is used to train or to generate.
 */
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { nameOf } from '../graph/verify.ts';
import { elementCount } from '../tensor/tensor.ts';
import type { Float64Tensor } from './arrays.ts';
import { type Meaning, meanings } from './meanings.ts';

/** Elements of the graph's inputs by name, row-major; ids are plain numbers. */
export type Feeds = ReadonlyMap<string, Float64Array | readonly number[]>;

/** All outputs of `graph`, by name. */
export function evaluate(graph: Graph, feeds: Feeds): Map<string, Float64Array> {
  const results = evaluateValues(
    graph.outputs.map(({ value }) => value),
    feeds,
  );
  return new Map(graph.outputs.map(({ name }, i) => [name, results[i]]));
}

/** The elements of any values of one graph, in their order. Arrays may be shared between results. */
export function evaluateValues(values: readonly Value[], feeds: Feeds): Float64Array[] {
  const known = new Map<Value, Float64Array>();
  const read = (value: Value): Float64Tensor => {
    const data = known.get(value) ?? leafData(value, feeds);
    known.set(value, data);
    return { shape: value.shape, data };
  };
  for (const node of nodesBefore(values)) {
    const meaning = meanings[node.op] as Meaning<OpName>;
    const results = meaning(node.inputs.map(read), node);
    node.outputs.forEach((value, i) => {
      known.set(value, checked(results[i], value, nameOf(node)));
    });
  }
  return values.map(value => read(value).data);
}

function leafData({ origin, shape, id }: Value, feeds: Feeds): Float64Array {
  switch (origin.kind) {
    case 'input': {
      const feed = feeds.get(origin.name);
      if (!feed) throw new Error(`graph input ${origin.name} was not given`);
      return checked(Float64Array.from(feed), { shape }, `graph input ${origin.name}`);
    }
    case 'weight':
      if (origin.bytes instanceof Float32Array) return Float64Array.from(origin.bytes);
      throw new Error(`weight ${origin.name} lies in a file; the float64 interpreter reads only arrays`);
    case 'constant':
      return Float64Array.from(origin.data, Number);
    case 'node':
      throw new Error(`value %${id} is used before ${nameOf(origin.node)} has made it`);
  }
}

function checked(data: Float64Array, { shape }: Pick<Value, 'shape'>, what: string): Float64Array {
  if (data.length === elementCount(shape)) return data;
  throw new Error(`${what} has ${data.length} elements, [${shape}] needs ${elementCount(shape)}`);
}

/** The nodes that `values` are computed from, in the graph's order. */
function nodesBefore(values: readonly Value[]): Node[] {
  const needed = new Set(values);
  const kept = (values[0]?.graph.nodes ?? []).toReversed().filter(node => {
    if (!node.outputs.some(value => needed.has(value))) return false;
    for (const value of node.inputs) needed.add(value);
    return true;
  });
  return kept.reverse();
}
