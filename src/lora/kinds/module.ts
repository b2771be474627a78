/** @file A LoRA in memory, whatever kind it is of and whatever file it came from. */
import type { Shape, Tensor } from '../../engine/index.ts';

/**
 * How a module changes its layer. DoRA is no kind of its own: any of `lora`, `loha` and `lokr` with a `magnitude`.
 * LoCon is `lora` on convolutions, with `mid` in its Tucker form.
 */
export type ModuleKind = 'lora' | 'loha' | 'lokr' | 'full' | 'norm' | 'ia3' | 'glora' | 'oft' | 'boft';

/**
 * What a tensor is to its module. Kinds other than `lora` keep the words of their file format, which are those of
 * LyCORIS (lycoris/modules).
 */
export type Role =
  | 'alpha'
  /** DoRA: the norm that each output (or input) of the changed weight gets. */
  | 'magnitude'
  | 'down'
  | 'up'
  | 'mid'
  /** Of the up matrix, where PEFT trained one (`lora_bias`). */
  | 'up_bias'
  | 'hada_w1_a'
  | 'hada_w1_b'
  | 'hada_w2_a'
  | 'hada_w2_b'
  | 'hada_t1'
  | 'hada_t2'
  | 'lokr_w1'
  | 'lokr_w1_a'
  | 'lokr_w1_b'
  | 'lokr_w2'
  | 'lokr_w2_a'
  | 'lokr_w2_b'
  | 'lokr_t2'
  | 'diff'
  | 'diff_b'
  | 'w_norm'
  | 'b_norm'
  /** IA³: the vector that multiplies. */
  | 'ia3'
  | 'on_input'
  | 'a1'
  | 'a2'
  | 'b1'
  | 'b2'
  | 'bm'
  | 'oft_blocks'
  | 'rescale';

export type ModuleTensors = Readonly<Partial<Record<Exclude<Role, 'alpha'>, Tensor>>>;

export interface LoraModule {
  /** Diffusers path with its part in front: `unet.mid_block.attentions.0.proj_in`. */
  readonly target: string;
  readonly kind: ModuleKind;
  /** By role, in float32; `lora` has the shapes of its layer: down [rank, in(, k, k)], up [out, rank(, 1, 1)]. */
  readonly tensors: ModuleTensors;
  /** 0 for kinds without a rank. */
  readonly rank: number;
  /** The factor of ΔW is alpha/rank, also where the file meant alpha/√rank (rsLoRA is read so). Kinds without: 1. */
  readonly alpha: number;
}

/** A word beyond the vocabulary that belongs to a LoRA, with its vectors for each text encoder. [vectors, width] */
export interface LoraEmbedding {
  readonly word: string;
  readonly vectors: Readonly<Partial<Record<'text_encoder' | 'text_encoder_2', Tensor>>>;
}

export interface LoraWeights {
  readonly modules: readonly LoraModule[];
  /** Words of its own, where it has any. */
  readonly embeddings?: readonly LoraEmbedding[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** A layer of the base model that a module may belong to. */
export interface BaseLayer {
  readonly target: string;
  /** Of its weight: [out, in], [out, in, k, k], or [channels] for a norm. */
  readonly shape: Shape;
}

/** What changes a weight in proportion to its strength, and needs nothing of the base to say by how much. */
export const isLowRank = ({ kind, tensors }: Pick<LoraModule, 'kind' | 'tensors'>): boolean =>
  kind === 'lora' && !tensors.magnitude;
