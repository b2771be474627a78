/** @file The parts of a model as they are written to files, whatever they were read from. */
import type { Shape } from '../../../engine/index.ts';
import type { ClipConfig } from '../../clip/text-encoder.ts';
import type { WeightSource } from '../../layers.ts';
import type { UnetConfig } from '../../unet/unet.ts';
import type { VaeConfig } from '../../vae/vae.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import {
  type Architecture,
  architectureOf,
  architectures,
  type EncoderKind,
} from '../single/architectures.ts';

interface Weighted<Config> {
  readonly config: Config;
  readonly weights: WeightSource;
}

export interface ModelParts {
  readonly architecture: Architecture;
  readonly unet: Weighted<UnetConfig>;
  readonly vae: Weighted<VaeConfig>;
  readonly text: readonly (Weighted<ClipConfig> & { readonly kind: EncoderKind })[];
  readonly scheduler: SchedulerConfig;
  readonly zerosForNoText: boolean;
}

/** A tensor of a file that is to be written, made of the rows of one or more of ours. */
export interface LaidTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly pieces: readonly { readonly weights: WeightSource; readonly name: string }[];
  /** The transposed matrix is written. */
  readonly turned?: boolean;
}

/** The parts of an opened checkpoint; undefined for one of no published architecture (the embedded model). */
export function partsOf(checkpoint: Checkpoint): ModelParts | undefined {
  const { family, variant, unet, vae, textEncoder, textEncoder2, scheduler, zerosForNoText } = checkpoint;
  const architecture =
    architectures.find(one => one.variant === variant && variant !== 'base') ?? architectureOf(family);
  if (!architecture) return undefined;
  const encoders = textEncoder2 ? [textEncoder, textEncoder2] : [textEncoder];
  const text = encoders.map(({ config, weights }, i) => ({ config, weights, kind: architecture.text[i] }));
  return { architecture, unet, vae, text, scheduler, zerosForNoText };
}
