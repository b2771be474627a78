/** @file What of a base model a LoRA must fit: its layers, and which family it is. */
import { type Checkpoint, type Family, type WeightSource, weightsByPart } from '../../models/index.ts';
import type { BaseLayer } from '../kinds/module.ts';

export interface LoraBase {
  /** Everything that a module may change: linear layers, convolutions, norms. */
  readonly layers: readonly BaseLayer[];
  /** Width of the text states that the UNet reads. */
  readonly contextWidth: number;
  readonly family?: Family;
}

const suffix = '.weight';
const isEmbedding = (name: string): boolean => /embeddings?\.\w*embedding\./.test(name);

function layersOf(weights: WeightSource, part: string): BaseLayer[] {
  return [...weights.names()]
    .filter(name => name.endsWith(suffix) && !isEmbedding(name))
    .map(name => ({ target: `${part}.${name.slice(0, -suffix.length)}`, shape: weights.shape(name) }));
}

/** The layers of a checkpoint's UNet and text encoders. */
export function loraBase(
  checkpoint: Pick<Checkpoint, 'unet' | 'textEncoder' | 'textEncoder2' | 'family'>,
): LoraBase {
  return {
    layers: [...weightsByPart(checkpoint)].flatMap(([part, weights]) => layersOf(weights, part)),
    contextWidth: checkpoint.unet.config.contextWidth,
    family: checkpoint.family,
  };
}
