/** @file A graph as text, one node a line, for people. */
import type { Graph, Value } from './graph.ts';
import { reachableNodes } from './verify.ts';

function show(value: Value): string {
  switch (value.origin.kind) {
    case 'input':
      return `${value.origin.name}[${value.shape}]`;
    case 'weight':
      return `'${value.origin.name}'[${value.shape}]`;
    case 'constant':
      return value.origin.data.length === 1 ? String(value.origin.data[0]) : `constant[${value.shape}]`;
    case 'node':
      return `%${value.id}`;
  }
}

/** Prints the nodes that outputs need: `%7 [1,4,8,8] = conv2d(x[…], 'conv_in.weight'[…]) {stride: 1}  in scope`. */
export function printGraph(graph: Graph): string {
  const lines = reachableNodes(graph).map(node => {
    const results = node.outputs.map(value => `%${value.id} [${value.shape}]`).join(', ');
    const attributes = JSON.stringify(node.attributes);
    const tail = [attributes === '{}' ? '' : attributes, node.scope && `in ${node.scope}`].filter(Boolean);
    return `${results} = ${node.op}(${node.inputs.map(show).join(', ')})  ${tail.join('  ')}`.trimEnd();
  });
  const outputs = graph.outputs.map(({ name, value }) => `${name} = ${show(value)}`);
  return [...lines, `return ${outputs.join(', ')}`].join('\n');
}
