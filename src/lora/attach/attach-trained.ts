/**
 * @file Trained LoRAs in the graph of a step. Plain LoRA is a side branch, which is fast; LoHa, LoKr and all with DoRA
 * stand in for the layer's weight.
 */
import type { Graph, Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { ConvOptions, LayerHooks } from '../../models/index.ts';
import type { Attachment } from './attach.ts';
import { type Branch, convBranch, linearBranch } from './branch.ts';
import { changedWeight, maskedDelta } from './changed-weight.ts';
import { type MaskInput, maskInput } from './dropout.ts';
import { frozenTensors } from './frozen.ts';
import { scaleOfLayer, type TrainedValues, trainedTensors } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

export interface TrainedAttachment extends Attachment {
  /** What else is fed, beside the parameters: in the order of their use, complete when the model is built. */
  readonly masks: readonly MaskInput[];
}

interface AttachedLayer {
  readonly layer: TrainedLayer;
  readonly values: TrainedValues;
}

/** Plain LoRA without a norm. */
const isBranch = ({ kind, decomposed }: TrainedLayer): boolean => kind === 'lora' && !decomposed;

/** What a batch of rows or pictures is called without its batch: [rows, n] or [n, h, w]. */
function withoutBatch(x: Value, batch: number): Shape {
  if (x.shape.length === 4) return x.shape.slice(1);
  return [f.elementCount(x.shape) / (batch * (x.shape.at(-1) as number)), x.shape.at(-1) as number];
}

/** x with the batch in front, times a mask. */
function masked(x: Value, mask: MaskInput | undefined, batch: number): Value {
  if (!mask) return x;
  return f.reshape(f.mul(f.reshape(x, [batch, ...withoutBatch(x, batch)]), mask.value), x.shape);
}

/** Declares the inputs of every layer's tensors and returns hooks that put them to use. */
export function attachTrained(
  graph: Graph,
  layers: readonly TrainedLayer[],
  batch: number,
): TrainedAttachment {
  const parameters = new Map<string, Value>();
  const attached = new Map<string, AttachedLayer>();
  const masks: MaskInput[] = [];
  for (const layer of layers) {
    const { target } = layer;
    const values: Record<string, Value> = {};
    for (const [role, { shape }] of trainedTensors(layer)) {
      values[role] = f.input(graph, `${target}.${role}`, shape);
      parameters.set(`${target}.${role}`, values[role]);
    }
    const start = Object.fromEntries(
      frozenTensors(layer).map(({ name, role, shape }) => [role, f.input(graph, name, shape)]),
    );
    attached.set(target, { layer, values: withStart(graph, values, start) });
  }
  const newMask: typeof maskInput = (...request) => {
    const mask = maskInput(...request);
    if (mask) masks.push(mask);
    return mask;
  };

  const branchOf = ({ layer, values }: AttachedLayer): Branch => ({
    down: values.down as Value,
    up: values.up as Value,
    mid: values.mid,
    scale: scaleOfLayer(layer),
    drop: inside => {
      const neuron = withoutBatch(inside, batch);
      const isPicture = neuron.length === 3;
      const rank = isPicture ? [neuron[0], 1, 1] : [1, neuron[1]];
      const shapes = { neuron, rank, module: neuron.map(() => 1) };
      return masked(inside, newMask(graph, layer, { batch, shapes }), batch);
    },
  });
  const rowMask = (layer: TrainedLayer, withModule: boolean): Value | undefined => {
    const shapes = { rank: [layer.shape[0], 1], ...(withModule ? { module: [1, 1] } : {}) };
    return newMask(graph, layer, { shapes, suffix: 'row_dropout' })?.value;
  };
  /** Where elements of the branch's output are dropped, the branch is there: ΔW [out, in·area], and the mask. */
  const outputBranch = ({ layer, values }: AttachedLayer) => {
    const mask = { delta: rowMask(layer, true) };
    return {
      delta: f.ofParameters(graph, () => maskedDelta(values, layer, mask)),
      drop: (y: Value): Value =>
        masked(y, newMask(graph, layer, { batch, shapes: { neuron: withoutBatch(y, batch) } }), batch),
    };
  };

  const hooks: LayerHooks = {
    linear(target, x) {
      const found = attached.get(target);
      if (!found) return undefined;
      if (isBranch(found.layer)) return linearBranch(x, branchOf(found));
      if (found.layer.neuronDropout === 0) return undefined;
      const { delta, drop } = outputBranch(found);
      return drop(f.linear(x, delta));
    },
    conv2d(target, x, options: ConvOptions) {
      const found = attached.get(target);
      if (!found) return undefined;
      if (isBranch(found.layer)) return convBranch(x, branchOf(found), options);
      if (found.layer.neuronDropout === 0) return undefined;
      const { delta, drop } = outputBranch(found);
      return drop(f.conv2d(x, f.reshape(delta, found.layer.shape), undefined, options));
    },
    parameter(name, _shape, base) {
      const found = name.endsWith('.weight') ? attached.get(name.slice(0, -'.weight'.length)) : undefined;
      if (!found || !base || isBranch(found.layer) || found.layer.neuronDropout > 0) return undefined;
      const { layer, values } = found;
      const isDecomposed = layer.decomposed !== false;
      const whole = isDecomposed
        ? newMask(graph, layer, { shapes: { module: [1, 1] }, suffix: 'module_dropout' })?.value
        : undefined;
      const own = { delta: rowMask(layer, !isDecomposed), whole };
      return f.ofParameters(graph, () => changedWeight(base(), values, layer, own));
    },
  };
  return { hooks, parameters, masks };
}

/** PiSSA: the frozen start beside what is trained, [up, −up₀]·[down; down₀], so that the first step is the base. */
function withStart(graph: Graph, values: TrainedValues, start: TrainedValues): TrainedValues {
  const { down, up } = values;
  if (!down || !up || !start.down || !start.up) return values;
  const [a, b] = [start.down, start.up];
  return f.ofParameters(graph, () => ({ ...values, down: f.concat([down, a], 0), up: f.concat([up, b], 1) }));
}
