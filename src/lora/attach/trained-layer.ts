/** @file What is trained on a layer: the kind of LoRA, its rank and its scale. */
import type { LayerInfo } from '../../models/index.ts';

export type TrainableKind = 'lora' | 'loha' | 'lokr';

export type InitName = 'kaiming' | 'gaussian' | 'orthogonal' | 'pissa';

/** What a layer's LoRA is; all fields beside rank and alpha have usual values (`usualOptions`). */
export interface TrainingOptions {
  readonly kind: TrainableKind;
  readonly rank: number;
  /** The factor of ΔW is alpha/rank; where a recipe asks for alpha/√rank (rsLoRA), this is alpha·√rank. */
  readonly alpha: number;
  /** Times the rate of the run, for all tensors of the layer. */
  readonly rateFactor: number;
  /** LoRA+ (Hayou et al. 2024): times the rate too, for `up`, or whichever of a kind's tensors starts as zero. */
  readonly upRateFactor: number;
  /** DoRA (Liu et al. 2024): one trained norm an output or, as OneTrainer, an input. */
  readonly decomposed: false | 'output' | 'input';
  /** k×k convolutions in Tucker form: `lora` with a mid, `loha` and `lokr` with their cores. */
  readonly tucker: boolean;
  /** `lokr`: the size of the small matrix (LyCORIS' factorization); −1 is as square as possible. */
  readonly factor: number;
  /** `lokr`: the small matrix is a product of two as well, where the rank is small enough. */
  readonly decomposeBoth: boolean;
  /** `lokr`: no product at all, whatever the rank. */
  readonly fullMatrix: boolean;
  /** Probability that an element is 0: of what `down` gives, for loha and lokr of what ΔW gives; not with DoRA. */
  readonly neuronDropout: number;
  /** Probability that a rank is left out of a sample; for other kinds and DoRA a row of ΔW out of a micro-step. */
  readonly rankDropout: number;
  /** Probability that the layer is left alone in a micro-step. */
  readonly moduleDropout: number;
  /** Start of `lora`; the other kinds start as LyCORIS has them. */
  readonly init: InitName;
  /** Largest norm of ΔW, held after every update (kohya's scale_weight_norms); 0 = no limit. */
  readonly maxNorm: number;
}

export interface TrainedLayer extends LayerInfo, TrainingOptions {}

export const usualOptions: Omit<TrainingOptions, 'rank' | 'alpha'> = {
  kind: 'lora',
  rateFactor: 1,
  upRateFactor: 1,
  decomposed: false,
  tucker: false,
  factor: -1,
  decomposeBoth: false,
  fullMatrix: false,
  neuronDropout: 0,
  rankDropout: 0,
  moduleDropout: 0,
  init: 'kaiming',
  maxNorm: 0,
};

/** LoRA of one rank and scale on all layers, all else as usual; alpha is the rank unless given. */
export function plainLora(
  layers: readonly LayerInfo[],
  { rank, alpha = rank }: { readonly rank: number; readonly alpha?: number },
): TrainedLayer[] {
  return layers.map(layer => ({ ...usualOptions, ...layer, rank, alpha }));
}
