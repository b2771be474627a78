/** @file What is trained on a layer: the kind of LoRA, its rank and its scale. */
import type { LayerInfo } from '../../models/index.ts';

export type TrainableKind = 'lora' | 'loha' | 'lokr';

export interface TrainedLayer extends LayerInfo {
  readonly kind: TrainableKind;
  readonly rank: number;
  /** The factor of ΔW is alpha/rank; where a recipe asks for alpha/√rank (rsLoRA), this is alpha·√rank. */
  readonly alpha: number;
  /** Times the rate of the run. */
  readonly rateFactor: number;
}

/** Plain LoRA of one rank and scale on all layers; alpha is the rank unless given. */
export function plainLora(
  layers: readonly LayerInfo[],
  { rank, alpha = rank }: { readonly rank: number; readonly alpha?: number },
): TrainedLayer[] {
  return layers.map(layer => ({ ...layer, kind: 'lora', rank, alpha, rateFactor: 1 }));
}
