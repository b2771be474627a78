/** @file A trained layer as a module of a file. */
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import type { LoraModule } from '../kinds/module.ts';
import { frozenTensors } from './frozen.ts';
import { scaleOfLayer, type TrainedRole, trainedTensors } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

type ByName = ReadonlyMap<string, Tensor>;

/** Columns of both, side by side. [rows, a], [rows, b] → [rows, a + b] */
function sideBySide(one: Tensor, two: Tensor): Tensor {
  const rows = one.shape[0];
  const [a, b] = [one.data.length / rows, two.data.length / rows];
  const data = new Float32Array(rows * (a + b));
  for (let row = 0; row < rows; row++) {
    data.set(one.data.subarray(row * a, (row + 1) * a), row * (a + b));
    data.set(two.data.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return { shape: [rows, one.shape[1] + two.shape[1], ...one.shape.slice(2)], data };
}

function below(one: Tensor, two: Tensor): Tensor {
  const data = new Float32Array(one.data.length + two.data.length);
  data.set(one.data);
  data.set(two.data, one.data.length);
  return { shape: [one.shape[0] + two.shape[0], ...one.shape.slice(1)], data };
}

/** Matrices of a 1×1 convolution get the four axes that its layer has. */
const withAxesOf = (shape: Shape, tensor: Tensor): Tensor =>
  tensor.shape.length === 2 && shape.length === 4 ? { ...tensor, shape: [...tensor.shape, 1, 1] } : tensor;

/** What the file has of a layer; `frozen` is what PiSSA subtracts, which doubles the rank. */
export function trainedModule(layer: TrainedLayer, parameters: ByName, frozen: ByName): LoraModule {
  const { target, kind, shape, rank } = layer;
  const tensors: Partial<Record<TrainedRole, Tensor>> = {};
  for (const [role] of trainedTensors(layer)) tensors[role] = parameters.get(`${target}.${role}`) as Tensor;
  const starts = frozenTensors(layer);
  for (const { name, role } of starts) {
    const join = role === 'down' ? below : sideBySide;
    tensors[role] = join(tensors[role] as Tensor, frozen.get(name) as Tensor);
  }
  if (kind === 'lora') {
    for (const role of ['down', 'up'] as const) tensors[role] = withAxesOf(shape, tensors[role] as Tensor);
  }
  if (tensors.lokr_w1 && tensors.lokr_w2) return { target, kind, tensors, rank: 0, alpha: 1 };
  const written = starts.length > 0 ? 2 * rank : rank;
  return { target, kind, tensors, rank: written, alpha: scaleOfLayer(layer) * written };
}

/** Numbers that are trained, and that the file has more than those. */
export function parametersOf(layers: readonly TrainedLayer[]): { trained: number; frozen: number } {
  let [trained, frozen] = [0, 0];
  for (const layer of layers) {
    for (const [, { shape }] of trainedTensors(layer)) trained += elementCount(shape);
    for (const { shape } of frozenTensors(layer)) frozen += elementCount(shape);
  }
  return { trained, frozen };
}
