/**
 * @file The typed, static-shaped graph: values, nodes and how they are made.
 * The idea of ops as plain data with rules in tables follows JAX's core as told in "Autodidax".
 */
import type { DType, Shape } from '../tensor/tensor.ts';
import { elementCount } from '../tensor/tensor.ts';
import { type Attributes, type OpName, operations } from './operations.ts';

/** Where the bytes of a frozen weight lie: a byte range of a file, read in place by the runtime. */
export interface WeightBytes {
  readonly path: string;
  readonly dtype: DType;
  /** Absolute byte offset in the file. */
  readonly offset: number;
  readonly length: number;
}

/** How the numbers of a frozen weight lie in memory. */
export type HeldForm = 'float16' | 'int8';

export interface HeldNumbers {
  readonly values: Uint16Array | Int8Array;
  /** int8 only: what each row (first axis) is multiplied by. */
  readonly scales?: Float32Array;
}

/** A frozen weight that is held in memory, in a form of its own, and widened to float32 wherever it is used. */
export interface HeldWeight {
  readonly form: HeldForm;
  /** Bytes that it takes. */
  readonly length: number;
  /** Its numbers; made when first asked for, then kept. */
  load(): HeldNumbers;
}

/** A frozen weight: in a file, as an array that is fed at every run (merged weights), or held in another form. */
export type WeightPlace = WeightBytes | Float32Array | HeldWeight;

export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'weight'; readonly name: string; readonly bytes: WeightPlace }
  | { readonly kind: 'constant'; readonly data: Float32Array | BigInt64Array }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

export interface Value {
  readonly id: number;
  readonly graph: Graph;
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int64';
  readonly origin: Origin;
}

export interface Node<Op extends OpName = OpName> {
  readonly id: number;
  readonly op: Op;
  readonly attributes: Attributes[Op];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Path of the layer that made it, e.g. `down_blocks.0.resnets.1`. */
  readonly scope: string;
  /** Recomputation segment the node belongs to; 0 when it is kept. */
  readonly segment: number;
  /** Carries the call stack of the place that made it; formatted only when asked for. */
  readonly madeAt: { readonly stack?: string };
}

export interface Graph {
  readonly nodes: Node[];
  readonly inputs: Value[];
  readonly weights: Map<string, Value>;
  readonly constants: Map<string, Value>;
  /** Values already seen in another shape, by `<id> [<shape>]`. */
  readonly views: Map<string, Value>;
  /** How to make a value again from others that are kept anyway; see `recomputable`. */
  readonly recipes: Map<Value, () => Value>;
  /** Segments that read parameters and weights only; see `ofParameters`. */
  readonly parameterSegments: Set<number>;
  /** Values that no gradient flows through; see `stopGradient`. */
  readonly stopped: Set<Value>;
  readonly outputs: { readonly name: string; readonly value: Value }[];
  scope: string;
  segment: number;
  segmentCount: number;
  nextId: number;
  /** What new nodes tell as their place: that of the forward node whose gradient is being made. */
  madeAt: Node['madeAt'] | undefined;
}

export function createGraph(): Graph {
  return {
    nodes: [],
    inputs: [],
    weights: new Map(),
    constants: new Map(),
    views: new Map(),
    recipes: new Map(),
    parameterSegments: new Set(),
    stopped: new Set(),
    outputs: [],
    scope: '',
    segment: 0,
    segmentCount: 0,
    nextId: 1,
    madeAt: undefined,
  };
}

function makeValue(graph: Graph, shape: Shape, dtype: Value['dtype'], origin: Origin): Value {
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) throw new RangeError(`bad shape [${shape}] in ${graph.scope}`);
  }
  return { id: graph.nextId++, graph, shape, dtype, origin };
}

/** A tensor given at every run. Names are unique. */
export function input(graph: Graph, name: string, shape: Shape, dtype: Value['dtype'] = 'float32'): Value {
  if (graph.inputs.some(other => (other.origin as { name: string }).name === name)) {
    throw new Error(`graph input ${name} is declared twice`);
  }
  const value = makeValue(graph, shape, dtype, { kind: 'input', name });
  graph.inputs.push(value);
  return value;
}

/**
 * A frozen float32 weight. The same name returns the same value; another shape with as many elements is a view
 * of the same bytes (a 1×1 convolution seen as a matrix).
 */
export function weight(graph: Graph, name: string, shape: Shape, bytes: WeightPlace): Value {
  const key = `${name} [${shape}]`;
  const known = graph.weights.get(key);
  if (known) return known;
  const value = makeValue(graph, shape, 'float32', { kind: 'weight', name, bytes });
  graph.weights.set(key, value);
  return value;
}

/** A small constant, written into the model. Equal constants are shared. */
export function constant(graph: Graph, shape: Shape, data: Float32Array | BigInt64Array): Value {
  if (data.length !== elementCount(shape))
    throw new RangeError(`constant [${shape}] has ${data.length} elements`);
  const isInt = data instanceof BigInt64Array;
  const head = data.length <= 64 ? data.join() : '';
  const key = head && `${isInt ? 'i' : 'f'}[${shape}]${head}`;
  const known = key && graph.constants.get(key);
  if (known) return known;
  const value = makeValue(graph, shape, isInt ? 'int64' : 'float32', { kind: 'constant', data });
  graph.constants.set(key || `#${value.id}`, value);
  return value;
}

export function scalar(graph: Graph, x: number): Value {
  return constant(graph, [], Float32Array.of(x));
}

/** Appends a node; shapes of its outputs come from the op's row in the operation table. */
export function emit<Op extends OpName>(
  op: Op,
  inputs: readonly Value[],
  attributes: Attributes[Op],
): Value[] {
  const graph = inputs[0].graph;
  const shapes = operations[op].shapes(
    inputs.map(value => value.shape),
    attributes,
  );
  const outputs: Value[] = [];
  const madeAt: { stack?: string } = graph.madeAt ?? {};
  if (!graph.madeAt) Error.captureStackTrace(madeAt, emit);
  const { scope, segment } = graph;
  const node: Node<Op> = { id: graph.nextId++, op, attributes, inputs, outputs, scope, segment, madeAt };
  for (const [index, shape] of shapes.entries()) {
    outputs.push(makeValue(graph, shape, 'float32', { kind: 'node', node: node as Node, index }));
  }
  graph.nodes.push(node as Node);
  return outputs;
}

export function output(name: string, value: Value): void {
  value.graph.outputs.push({ name, value });
}

/** Runs `build` with `name` appended to the scope, so that its nodes can be traced back to a layer. */
export function inScope<T>(graph: Graph, name: string, build: () => T): T {
  const outer = graph.scope;
  graph.scope = outer ? `${outer}.${name}` : name;
  try {
    return build();
  } finally {
    graph.scope = outer;
  }
}

/**
 * Says that `value` is cheap to make again for backward instead of being kept. `build` must write it differently from
 * the original (operands exchanged, for example), or the runtime would merge the two.
 */
export function recomputable(value: Value, build: () => Value): Value {
  value.graph.recipes.set(value, build);
  return value;
}

/** Runs `build` as one recomputation segment: backward may recompute its inside from its inputs. */
export function inSegment<T>(graph: Graph, build: () => T): T {
  if (graph.segment !== 0) return build();
  graph.segment = ++graph.segmentCount;
  try {
    return build();
  } finally {
    graph.segment = 0;
  }
}

/**
 * Runs `build` as a segment of its own, also inside another one, which reads nothing but graph inputs and weights: a
 * weight made of parameters. The runtime makes it right before its reader; backward, where it makes cheap values again,
 * makes it again, so that no second copy of the weights is kept.
 */
export function ofParameters<T>(graph: Graph, build: () => T): T {
  const outer = graph.segment;
  graph.segment = ++graph.segmentCount;
  graph.parameterSegments.add(graph.segment);
  try {
    return build();
  } finally {
    graph.segment = outer;
  }
}

/** `x`, but a constant to all gradients: none flows on to what it was computed from. */
export function stopGradient(x: Value): Value {
  x.graph.stopped.add(x);
  return x;
}

/** The line of source that made a node: the first frame outside the graph's own files. */
export function sourceOf(node: Node): string {
  const frames = (node.madeAt.stack ?? '').split('\n').slice(1);
  const outside = frames.find(frame => !/\/engine\/(graph|gradient)\//.test(frame)) ?? frames[0] ?? '';
  return outside.replace(/^\s*at\s+/, '').replace(/file:\/\//g, '');
}

/** The node of a graph that an ONNX node (`n<id>.<k>/<op>`) was lowered from. */
export function nodeOf(graph: Graph, onnxName: string): Node | undefined {
  const match = /^n(\d+)\.\d+\//.exec(onnxName);
  return match ? graph.nodes.find(({ id }) => id === Number(match[1])) : undefined;
}
