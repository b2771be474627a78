/** @file A graph becomes an ONNX model: only nodes that outputs need, weights pointing into their files. */
import { parse } from 'node:path';
import type { Graph, HeldForm, Node, Value, WeightPlace } from '../graph/graph.ts';
import type { OpName } from '../graph/operations.ts';
import { reachableNodes, verify } from '../graph/verify.ts';
import type { Shape } from '../tensor/tensor.ts';
import type { Capabilities } from './capabilities.ts';
import { LoweringContext } from './context.ts';
import { type Lowering, lowerings } from './lowerings.ts';
import { type OnnxModel, type OnnxNode, type OnnxPort, serializeModel } from './model.ts';

export interface FedWeight {
  readonly dtype: 'float32' | HeldForm | 'int64';
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array | Int8Array | BigInt64Array;
}

export interface LoweredModel {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  /** Graph output name → tensor name in the model. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Weights that live in memory (merged, or held in another form); fed at every run. */
  readonly fedWeights: ReadonlyMap<string, FedWeight>;
  /** Folder that external weight locations are relative to: the root of the file system (or drive). */
  readonly weightRoot: string | undefined;
}

/**
 * The runtime walks from the leaves and visits the input that was written last first. What backward needs of the forward
 * pass alone (slopes, values made again) is therefore written before all that comes from a cotangent: then it runs right
 * before its reader, and not ahead of the whole backward, where it would lie in memory. `seeds` are the tensors that
 * backward starts from.
 */
function lazily(nodes: readonly OnnxNode[], seeds: ReadonlySet<string>): OnnxNode[] {
  const late = new Set(seeds);
  const [early, rest]: OnnxNode[][] = [[], []];
  for (const node of nodes) {
    const isLate = node.inputs.some(name => late.has(name)) || node.outputs.some(name => seeds.has(name));
    if (isLate) for (const name of node.outputs) late.add(name);
    (isLate ? rest : early).push(node);
  }
  return [...early, ...rest];
}

/** Backward starts from constants: the cotangent of the loss, which is 1. */
function isSeed({ scope, inputs }: Node): boolean {
  return scope.endsWith("'") && inputs.every(({ origin }) => origin.kind === 'constant');
}

export function lower(graph: Graph, capabilities: Capabilities): LoweredModel {
  verify(graph);
  const ctx = new LoweringContext(capabilities);
  const inputs: OnnxPort[] = [];
  const fedWeights = new Map<string, FedWeight>();
  const roots = new Set<string>();
  const widenAtUse = new Map<string, (name: string) => string>();
  const narrowInFiles = new Set<string>();
  for (const value of graph.inputs) {
    const { name } = value.origin as { name: string };
    ctx.names.set(value, name);
    inputs.push({ name, dims: value.shape, dtype: value.dtype, isOpen: ctx.hidesShapes });
  }

  const tensorOf = (value: Value): string => {
    const known = ctx.names.get(value);
    if (known) return known;
    const name = declare(value);
    ctx.names.set(value, name);
    return name;
  };
  const declare = (value: Value): string => {
    const { origin, shape } = value;
    if (origin.kind === 'constant') {
      if (origin.data instanceof Float32Array) {
        const key = origin.data.length > 64 ? `constant${value.id}` : undefined;
        return ctx.floats(shape, origin.data, key);
      }
      const content = new Uint8Array(origin.data.buffer, origin.data.byteOffset, origin.data.byteLength);
      const name = `constant${value.id}`;
      ctx.initializers.set(name, { name, dims: shape, dtype: 'int64', content });
      return name;
    }
    if (origin.kind !== 'weight') throw new Error(`value %${value.id} has no tensor yet`);
    return declareWeight(`${origin.name} [${shape}]`, shape, origin.bytes);
  };

  const feed = (name: string, weight: FedWeight): string => {
    fedWeights.set(name, weight);
    const isOpen = weight.dtype === 'int64';
    inputs.push({ name, dims: weight.shape, dtype: weight.dtype, isOpen });
    return name;
  };
  const declareWeight = (name: string, shape: Shape, place: WeightPlace): string => {
    if (place instanceof Float32Array) return feed(name, { dtype: 'float32', shape, data: place });
    if ('form' in place) {
      const { values, scales } = place.load();
      feed(name, { dtype: place.form, shape, data: values });
      if (!scales) return widened(name, place.form, shape, name => ctx.castToFloat(name));
      const rows = feed(`${name} scales`, { dtype: 'float32', shape: [scales.length], data: scales });
      return widened(name, place.form, shape, name => ctx.dequantize(name, rows));
    }
    const { root } = parse(place.path);
    roots.add(root);
    const content = { location: place.path.slice(root.length), offset: place.offset, length: place.length };
    ctx.initializers.set(name, { name, dims: shape, dtype: place.dtype, content });
    if (place.dtype !== 'float32') narrowInFiles.add(name);
    return widened(name, place.dtype, shape, name => ctx.castToFloat(name));
  };
  /** The float32 tensor of a stored weight: itself, or made for each node that reads it, so that it lies in no memory between. */
  const widened = (name: string, dtype: string, shape: Shape, widen: (name: string) => string): string => {
    if (dtype === 'float32') return name;
    if (capabilities.constantWeights) return widen(name);
    widenAtUse.set(name, stored => widen(ctx.hideShape(stored, shape)));
    return name;
  };
  const readBy = (value: Value): string => {
    const name = tensorOf(value);
    return widenAtUse.get(name)?.(name) ?? name;
  };

  /** Rows are taken out of a stored table before they are widened: a text has 77 of a vocabulary's 49,408. */
  const gatherNarrow = (node: Node): string[] => {
    const [table, ids] = node.inputs.map(tensorOf);
    const [rows] = lowerings.gather(ctx, [table, ids], node as Node<'gather'>);
    return [ctx.widen(rows)];
  };
  const lowerNode = (node: Node): string[] => {
    const { op, inputs } = node;
    if (op === 'gather' && narrowInFiles.has(tensorOf(inputs[0])) && widenAtUse.has(tensorOf(inputs[0])))
      return gatherNarrow(node);
    return (lowerings[op] as Lowering<OpName>)(ctx, inputs.map(readBy), node);
  };

  const seeds = new Set<string>();
  const ofParameters: OnnxNode[] = [];
  for (const node of reachableNodes(graph)) {
    ctx.begin(node);
    const lowered = ctx.capture(() => lowerNode(node));
    const tensors = lowered.result;
    (graph.parameterSegments.has(node.segment) ? ofParameters : ctx.nodes).push(...lowered.nodes);
    if (isSeed(node)) for (const name of tensors) seeds.add(name);
    node.outputs.forEach((value, i) => {
      ctx.names.set(value, tensors[i]);
    });
  }
  ctx.begin(undefined);

  const outputs = new Map<string, string>();
  const ports: OnnxPort[] = [];
  const taken = new Set<string>(inputs.map(port => port.name));
  for (const { name, value } of graph.outputs) {
    const direct = readBy(value);
    // A model output must be made by a node and be listed once.
    const tensor =
      taken.has(direct) || ctx.initializers.has(direct) ? ctx.emit('Identity', [direct]) : direct;
    taken.add(tensor);
    outputs.set(name, tensor);
    ports.push({ name: tensor, dims: value.shape, dtype: value.dtype });
  }
  for (const [sizes, name] of ctx.shapes) {
    const data = BigInt64Array.from(sizes.split(','), BigInt);
    feed(name, { dtype: 'int64', shape: [data.length], data });
  }
  if (roots.size > 1) throw new Error(`weights lie on several drives: ${[...roots].join(', ')}`);
  const model: OnnxModel = {
    nodes: [...ctx.weightNodes, ...ofParameters, ...lazily(ctx.nodes, seeds)],
    initializers: [...ctx.initializers.values()],
    inputs,
    outputs: ports,
  };
  return { bytes: serializeModel(model), model, outputs, fedWeights, weightRoot: [...roots][0] };
}
