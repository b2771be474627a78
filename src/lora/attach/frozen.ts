/**
 * @file What a run keeps beside its trained tensors. PiSSA (Meng et al. 2024) starts at the largest part of the base
 * weight; instead of a changed base, the start is subtracted, so that base files stay as they are and any tool can load
 * what is written: a LoRA of twice the rank, [up, −up₀]·[down; down₀].
 */
import type { Shape, Tensor } from '../../engine/index.ts';
import { trainedTensors } from './trainable-kinds.ts';
import type { TrainedLayer } from './trained-layer.ts';

interface FrozenTensor {
  /** `<target>.<role>_start` */
  readonly name: string;
  readonly role: 'down' | 'up';
  readonly shape: Shape;
}

export function frozenTensors(layer: TrainedLayer): FrozenTensor[] {
  if (layer.init !== 'pissa') return [];
  return trainedTensors(layer).flatMap(([role, { shape }]) =>
    role === 'down' || role === 'up' ? [{ name: `${layer.target}.${role}_start`, role, shape }] : [],
  );
}

/** The frozen tensors of a run that starts with `parameters`: down as it is, up with its sign turned. */
export function frozenParameters(
  layers: readonly TrainedLayer[],
  parameters: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> {
  const frozen = new Map<string, Tensor>();
  for (const layer of layers) {
    for (const { name, role } of frozenTensors(layer)) {
      const { shape, data } = parameters.get(`${layer.target}.${role}`) as Tensor;
      frozen.set(name, { shape, data: role === 'up' ? data.map(x => -x) : data.slice() });
    }
  }
  return frozen;
}
