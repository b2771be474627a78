/** @file Checks a graph before anything is built on it: order, shapes, reachability, names. */
import { sameShape } from '../tensor/tensor.ts';
import type { Graph, Node, Value } from './graph.ts';
import { type OpName, operations } from './operations.ts';

/** Every rule a graph breaks, in words; empty for a good graph. */
export function findFaults(graph: Graph): string[] {
  const faults: string[] = [];
  const known = new Set<Value>([...graph.inputs, ...graph.weights.values(), ...graph.constants.values()]);
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      if (value.graph !== graph) faults.push(`${nameOf(node)} uses a value of another graph`);
      else if (!known.has(value)) faults.push(`${nameOf(node)} uses value %${value.id} before it is made`);
    }
    const shapes = operations[node.op as OpName].shapes(
      node.inputs.map(value => value.shape),
      node.attributes as never,
    );
    node.outputs.forEach((value, i) => {
      if (!sameShape(value.shape, shapes[i])) faults.push(`${nameOf(node)} output ${i} has a wrong shape`);
      known.add(value);
    });
  }
  const names = new Set<string>();
  for (const { name, value } of graph.outputs) {
    if (names.has(name)) faults.push(`output ${name} is declared twice`);
    names.add(name);
    if (!known.has(value)) faults.push(`output ${name} is not made by the graph`);
  }
  return faults;
}

/** Throws on the first faults of a graph; a fault here is a bug of ours, never of the user's files. */
export function verify(graph: Graph): void {
  const faults = findFaults(graph);
  if (faults.length > 0) throw new Error(`the graph is not well formed:\n${faults.slice(0, 5).join('\n')}`);
}

export function nameOf(node: Node): string {
  return `${node.op}#${node.id}${node.scope ? ` (${node.scope})` : ''}`;
}

/** Nodes that some output needs, in the graph's order. */
export function reachableNodes(graph: Graph): Node[] {
  const needed = new Set<Value>(graph.outputs.map(({ value }) => value));
  const kept: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some(value => needed.has(value))) continue;
    kept.push(node);
    for (const value of node.inputs) needed.add(value);
  }
  return kept.reverse();
}
