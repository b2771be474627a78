/** @file The model under construction: names, nodes, shared constants and weights. */
import type { Node, Value } from '../graph/graph.ts';
import type { Shape } from '../tensor/tensor.ts';
import type { Capabilities } from './capabilities.ts';
import { dataType, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from './model.ts';

export type AttributeInput =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly graph: OnnxModel };

function toAttribute(value: AttributeInput): OnnxAttribute {
  if (typeof value === 'number') return { int: value };
  if (typeof value === 'string') return { text: value };
  if ('float' in value || 'graph' in value) return value;
  return { ints: value };
}

/** The last element of every tensor name is unique, so that a node can be traced to what made it. */
export class LoweringContext {
  readonly nodes: OnnxNode[] = [];
  /** Nodes that read nothing but weights. They come first in the file: the runtime then runs each right before
   * its consumer instead of ahead of the whole network. */
  readonly weightNodes: OnnxNode[] = [];
  readonly initializers = new Map<string, OnnxTensor>();
  readonly names = new Map<Value, string>();
  readonly gateElements = new Map<string, string>();
  /** Fed shapes: their sizes, joined by commas, and what they are called. */
  readonly shapes = new Map<string, string>();
  readonly capabilities: Capabilities;
  private current: Node | undefined;
  private counter = 0;

  constructor(capabilities: Capabilities) {
    this.capabilities = capabilities;
  }

  /** Names the nodes that follow after the graph node they come from: `n<id>.<k>/<OnnxOp>`. */
  begin(node: Node | undefined): void {
    this.current = node;
  }

  /** A name that no other node has. */
  newName(op: string): string {
    return `n${this.current?.id ?? 0}.${this.counter++}/${op}`;
  }

  /** The nodes that `build` appends, taken out again: the body of a loop. */
  capture<T>(build: () => T): { nodes: OnnxNode[]; result: T } {
    const start = this.nodes.length;
    const result = build();
    return { nodes: this.nodes.splice(start), result };
  }

  /** Appends a node and returns its first output. */
  emit(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeInput> = {},
    domain: OnnxNode['domain'] = '',
  ): string {
    return this.emitMany(op, inputs, 1, attributes, domain)[0];
  }

  emitMicrosoft(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeInput> = {},
  ): string {
    return this.emit(op, inputs, attributes, 'com.microsoft');
  }

  emitMany(
    op: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Record<string, AttributeInput> = {},
    domain: OnnxNode['domain'] = '',
  ): string[] {
    const name = this.newName(op);
    const outputs = Array.from({ length: outputCount }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.nodes.push({ name, op, domain, inputs, outputs, attributes: mapValues(attributes, toAttribute) });
    return outputs;
  }

  /** A computed tensor of another float type as float32. */
  widen(x: string): string {
    return this.emit('Cast', [x], { to: dataType('float32') });
  }

  /** A node over weights only; see `weightNodes`. */
  emitOnWeight(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeInput> = {},
  ): string {
    const name = this.newName(op);
    this.weightNodes.push({
      name,
      op,
      domain: '',
      inputs,
      outputs: [name],
      attributes: mapValues(attributes, toAttribute),
    });
    return name;
  }

  floats(dims: Shape, data: Float32Array, key = `f[${dims}]${data.join()}`): string {
    if (!this.initializers.has(key)) {
      const content = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.initializers.set(key, { name: key, dims, dtype: 'float32', content });
    }
    return key;
  }

  float(x: number): string {
    return this.floats([], Float32Array.of(x));
  }

  /** A vector of ones, shared by length. */
  ones(length: number): string {
    const key = `ones${length}`;
    return this.initializers.has(key) ? key : this.floats([length], new Float32Array(length).fill(1), key);
  }

  int64(values: readonly number[]): string {
    const key = `i[${values.join()}]`;
    if (!this.initializers.has(key)) {
      const data = BigInt64Array.from(values.map(BigInt));
      this.initializers.set(key, {
        name: key,
        dims: [values.length],
        dtype: 'int64',
        content: new Uint8Array(data.buffer),
      });
    }
    return key;
  }

  /** See `hiddenShapes`; small models, which are folded, need theirs known. */
  get hidesShapes(): boolean {
    return this.capabilities.hiddenShapes && !this.capabilities.constantWeights;
  }

  /** A shape for Reshape and Expand; where shapes are hidden, it is fed at every run. */
  shape(sizes: Shape): string {
    if (!this.hidesShapes || sizes.length === 0) return this.int64(sizes);
    const known = this.shapes.get(sizes.join());
    if (known) return known;
    const name = `shape ${sizes.join('×')}`;
    this.shapes.set(sizes.join(), name);
    return name;
  }

  reshape(x: string, shape: Shape): string {
    return this.emit('Reshape', [x, this.shape(shape)]);
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.emit('Transpose', [x], { perm });
  }

  /** A stored weight whose shape the runtime is not to know; see `hiddenShapes`. */
  hideShape(x: string, shape: Shape): string {
    return this.hidesShapes ? this.emitOnWeight('Reshape', [x, this.shape(shape)]) : x;
  }

  castToFloat(x: string): string {
    return this.emitOnWeight('Cast', [x], { to: dataType('float32') });
  }

  /** int8 rows times their scales. */
  dequantize(x: string, scales: string): string {
    return this.emitOnWeight('DequantizeLinear', [x, scales], { axis: 0 });
  }
}

function mapValues<A, B>(record: Record<string, A>, convert: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}
