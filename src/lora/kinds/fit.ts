/** @file Whether a module fits a layer, said with both shapes. */
import type { Shape, Tensor } from '../../engine/index.ts';
import { columnsOf, layerSize, rowsOf } from './matrices.ts';
import type { LoraModule } from './module.ts';
import { type Extent, kinds, rankOf, type TensorRole } from './table.ts';

/** On every layer with outputs. */
const onOutputs: readonly TensorRole[] = ['up_bias', 'diff_b'];

function fits(tensor: Tensor, extent: Extent): boolean {
  if (typeof extent === 'number') return tensor.data.length === extent;
  const [rows, columns] = extent;
  return rowsOf(tensor) === rows && columnsOf(tensor) === columns;
}

function shown(extent: Extent): string {
  const parts = typeof extent === 'number' ? [extent] : extent;
  return parts.some(n => !Number.isInteger(n)) ? 'others' : `[${parts}]`;
}

/**
 * Why a module cannot be on a layer whose weight has this shape, as a part of a sentence; undefined when it can. A linear
 * layer and a 1×1 convolution are alike.
 */
export function misfit(
  { kind, tensors }: Pick<LoraModule, 'kind' | 'tensors'>,
  shape: Shape,
): string | undefined {
  const row = kinds[kind];
  const size = layerSize(shape);
  if (row.layers !== 'any' && size.isNorm !== (row.layers === 'norms'))
    return `${kind} is not for a ${size.isNorm ? 'norm' : 'layer'} of the shape [${shape}]`;
  const rank = rankOf(kind, tensors);
  if (row.alpha === 'scale' && rank === 0 && kind !== 'lokr') return 'its rank is 0';
  const extents = row.extents(tensors, size, rank);
  for (const [role, tensor] of Object.entries(tensors) as [TensorRole, Tensor][]) {
    const extent = extents[role] ?? (onOutputs.includes(role) ? size.out : undefined);
    if (extent === undefined || fits(tensor, extent)) continue;
    return `${role} is [${tensor.shape}], a layer of the shape [${shape}] takes ${shown(extent)}`;
  }
  return undefined;
}
