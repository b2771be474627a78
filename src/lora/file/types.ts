/** @file A LoRA in memory, whatever file it came from. */
import type { Shape, Tensor } from '../../engine/index.ts';

export interface LoraModule {
  /** Diffusers path with its part in front: `unet.mid_block.attentions.0.proj_in`. */
  readonly target: string;
  /** A: [rank, in] or [rank, in, k, k] */
  readonly down: Tensor;
  /** B: [out, rank] or [out, rank, 1, 1] */
  readonly up: Tensor;
  readonly alpha: number;
  readonly rank: number;
}

export interface LoraWeights {
  readonly kind: 'lora';
  readonly modules: readonly LoraModule[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A layer of the base model that a module may belong to. */
export interface BaseLayer {
  readonly target: string;
  readonly shape: Shape;
}

/** What a load did, key by key; applied + skipped = all tensors of the file. */
export interface LoadReport {
  readonly path: string;
  readonly applied: number;
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  /** e.g. `192/192 UNet` */
  readonly coverage: string;
}
