/**
 * @file Reverse-mode differentiation over a graph: appends the nodes that compute gradients of a scalar.
 * Only what leads from a trainable value to the loss is walked; frozen weights never get a gradient.
 */
import { add, after, again, concat } from '../graph/functions.ts';
import { emit, type Graph, type Node, scalar, type Value } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { type GradientRule, gradientRules } from './rules.ts';

export interface BackwardOptions {
  /** Segments (see `inSegment`) whose inside is computed again instead of kept: less memory, more time. */
  readonly recompute?: (segment: number) => boolean;
  /** Order finished gradients into the backward walk (default). Costs seven tiny nodes a layer: off for small models. */
  readonly ordered?: boolean;
  /** Make cheap values (see `recomputable`) again instead of keeping them. */
  readonly makeCheapAgain?: boolean;
  /** So many finished gradients are waited for together (default 8): waiting costs nodes, not waiting activations. */
  readonly finishedAtOnce?: number;
}

/** Values that depend on something trainable. */
function dependentValues(graph: Graph, trainable: readonly Value[]): Set<Value> {
  const dependent = new Set<Value>(trainable);
  for (const node of graph.nodes) {
    if (node.inputs.some(value => dependent.has(value)))
      for (const value of node.outputs) if (!graph.stopped.has(value)) dependent.add(value);
  }
  return dependent;
}

/** Cotangents collected so far, by the forward value they belong to. */
class Cotangents {
  private readonly sums = new Map<Value, Value>();

  accumulate(value: Value, cotangent: Value): void {
    const sum = this.sums.get(value);
    this.sums.set(value, sum ? add(sum, cotangent) : cotangent);
  }
  peek(value: Value): Value | undefined {
    return this.sums.get(value);
  }
  replace(value: Value, cotangent: Value): void {
    this.sums.set(value, cotangent);
  }
}

/**
 * Gradients of the scalar `loss` by each of `trainable`, in their order.
 *
 * The runtime executes a graph lazily from its leaves, which would run all gradients of trainable values after the
 * whole backward and keep every activation until then. So each finished gradient is made a dependency of the
 * cotangent that flows on (`after`).
 */
export function gradients(loss: Value, trainable: readonly Value[], options: BackwardOptions = {}): Value[] {
  const { graph } = loss;
  if (loss.shape.length > 0) throw new Error(`the loss must be a scalar [], it is [${loss.shape}]`);
  const forward = graph.nodes.slice();
  const dependent = dependentValues(graph, trainable);
  if (!dependent.has(loss)) throw new Error('the loss does not depend on any trainable value');
  const leaves = new Set(trainable);
  const usesLeft = countUses(forward, leaves, dependent);
  const cotangents = new Cotangents();
  cotangents.accumulate(loss, scalar(graph, 1));
  const copies = openCopies(forward, options);
  const madeAgain = new Map<Value, Value>();
  const makeAgain = (value: Value): Value => {
    const known = madeAgain.get(value) ?? again(value);
    madeAgain.set(value, known);
    return known;
  };
  let finished: Value[] = [];

  const outerScope = graph.scope;
  for (let i = forward.length - 1; i >= 0; i--) {
    const node = forward[i];
    const cotangent = node.outputs.map(value => cotangents.peek(value));
    const wanted = node.inputs.map(value => dependent.has(value));
    if (cotangent.every(value => value === undefined) || !wanted.some(Boolean)) continue;
    let view = copies.viewOf(node, cotangent.find(value => value !== undefined) as Value);
    graph.scope = `${node.scope}'`;
    graph.madeAt = node.madeAt;
    if (options.makeCheapAgain && !copies.isCopied(node))
      view = { ...view, inputs: view.inputs.map(makeAgain) };
    const rule = gradientRules[node.op] as GradientRule<OpName>;
    const results = rule(view, { cotangent, wanted });
    for (const [index, leaf] of node.inputs.entries()) {
      const result = results[index];
      if (!leaves.has(leaf) || !result) continue;
      cotangents.accumulate(leaf, result);
      usesLeft.set(leaf, (usesLeft.get(leaf) as number) - 1);
      if (usesLeft.get(leaf) === 0) finished.push(cotangents.peek(leaf) as Value);
    }
    for (const [index, value] of node.inputs.entries()) {
      const result = results[index];
      if (leaves.has(value) || !wanted[index] || !result) continue;
      if (options.ordered === false || finished.length < (options.finishedAtOnce ?? 8)) {
        cotangents.accumulate(value, result);
        continue;
      }
      cotangents.accumulate(value, after(result, bundle(finished)));
      finished = [];
    }
  }
  graph.scope = outerScope;
  graph.madeAt = undefined;
  return trainable.map(value => {
    const gradient = cotangents.peek(value);
    if (!gradient) throw new Error('a trainable value does not influence the loss');
    return gradient;
  });
}

/** Few values that are made after all of these: matrices with a side in common are joined. */
function bundle(values: readonly Value[]): Value[] {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const [rows, columns] = value.shape;
    const key =
      value.shape.length !== 2 ? `${value.id}` : rows < columns ? `rows ${rows}` : `columns ${columns}`;
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return [...groups].map(([key, group]) => concat(group, key.startsWith('rows') ? 1 : 0));
}

function countUses(
  nodes: readonly Node[],
  leaves: ReadonlySet<Value>,
  dependent: ReadonlySet<Value>,
): Map<Value, number> {
  const uses = new Map<Value, number>();
  for (const node of nodes) {
    if (!node.outputs.some(value => dependent.has(value))) continue;
    for (const value of node.inputs) if (leaves.has(value)) uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  return uses;
}

interface Copies {
  /** Whether the node's segment is computed again. */
  isCopied(node: Node): boolean;
  /** The node as backward reads it: with what is computed again in place of what is not kept. */
  viewOf(node: Node, cotangent: Value): Node;
}

/**
 * Copies of segments that are computed again. Their inputs wait for the first cotangent that reaches the segment, so
 * that the copy runs in backward and not beside the original.
 */
function openCopies(forward: readonly Node[], options: BackwardOptions): Copies {
  const bySegment = new Map<number, Map<Value, Value>>();
  const nodesOf = Map.groupBy(forward, ({ segment }) => segment);

  const isOfParameters = ({ segment, outputs: [{ graph }] }: Node): boolean =>
    graph.parameterSegments.has(segment);
  const isCopied = (node: Node): boolean =>
    isOfParameters(node)
      ? options.makeCheapAgain === true
      : node.segment !== 0 && options.recompute?.(node.segment) === true;

  const copiesOf = (node: Node, dependency: Value): Map<Value, Value> => {
    const known = bySegment.get(node.segment);
    if (known) return known;
    const copies = copySegment(node, dependency);
    bySegment.set(node.segment, copies);
    return copies;
  };
  /** A value as others than its own segment read it. */
  const seenOutside = (value: Value, dependency: Value): Value => {
    const { origin } = value;
    if (origin.kind !== 'node' || !isOfParameters(origin.node) || !isCopied(origin.node)) return value;
    return copiesOf(origin.node, dependency).get(value) as Value;
  };

  const copySegment = (first: Node, dependency: Value): Map<Value, Value> => {
    const copies = new Map<Value, Value>();
    const { graph } = dependency;
    // Weights are no values that are kept; parameters are not either, but equal nodes over them would be merged.
    const waiting = isOfParameters(first) ? ['node', 'input'] : ['node'];
    for (const node of nodesOf.get(first.segment) as Node[]) {
      const seen = node.inputs.map(value => copies.get(value) ?? seenOutside(value, dependency));
      graph.scope = `${node.scope}'`;
      graph.madeAt = node.madeAt;
      const inputs = node.inputs.map((value, i) => {
        if (!waiting.includes(value.origin.kind)) return value;
        const copy = copies.get(value) ?? (seen[i] === value ? after(value, [dependency]) : seen[i]);
        copies.set(value, copy);
        return copy;
      });
      const outputs = emit(node.op, inputs, node.attributes as never);
      node.outputs.forEach((value, i) => {
        copies.set(value, outputs[i]);
      });
    }
    return copies;
  };

  return {
    isCopied,
    viewOf(node, cotangent) {
      if (!isCopied(node)) {
        const inputs = node.inputs.map(value => seenOutside(value, cotangent));
        return inputs.every((value, i) => value === node.inputs[i]) ? node : { ...node, inputs };
      }
      const copies = copiesOf(node, cotangent);
      const swap = (value: Value): Value => copies.get(value) ?? value;
      return { ...node, inputs: node.inputs.map(swap), outputs: node.outputs.map(swap) };
    },
  };
}
