/** @file All that `lora inspect` tells of a LoRA. */
import type { Skipped } from '../file/group.ts';
import type { PartCoverage } from './coverage.ts';
import type { LoraHashes } from './hashes.ts';
import type { ModuleFacts } from './measure.ts';
import type { SpectrumSummary } from './spectrum.ts';
import type { TrainingFacts } from './training-facts.ts';

/** Something a user should know; `code` is stable. */
export interface Finding {
  readonly level: 'warning' | 'note';
  readonly code: string;
  readonly text: string;
}

export interface BlockFacts {
  readonly block: string;
  /** `down 1`, `mid`, `up 2` for blocks of the UNet. */
  readonly section: string;
  readonly part: string;
  readonly modules: number;
  /** ‖ΔW‖ of all modules of the block together; undefined where none can be measured. */
  readonly norm?: number;
}

export interface LoraFacts {
  readonly path: string;
  /** One, but for folders with a part in each. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly hashes: LoraHashes }[];
  /** As people call them: `LoRA`, `LoCon`, `DoRA`, `LoKr` … */
  readonly kinds: readonly { readonly kind: string; readonly modules: number }[];
  /** Whose names the file has. */
  readonly dialect: string;
  /** The models that the tensors are for: `SDXL`, or `unknown`. */
  readonly family: string;
  readonly parameters: number;
  /** Of all tensors but single numbers. */
  readonly dtypes: readonly { readonly dtype: string; readonly tensors: number }[];
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  readonly scales: readonly number[];
  readonly coverage: readonly PartCoverage[];
  readonly tensors: {
    readonly all: number;
    readonly used: number;
    readonly skipped: readonly Skipped[];
  };
  readonly modules: readonly ModuleFacts[];
  /** Which layers are changed, and in how many places: `{ layer: 'attn1.to_q', modules: 16 }`. */
  readonly targets: readonly { readonly layer: string; readonly modules: number }[];
  /** In the order in which the model runs them. */
  readonly blocks: readonly BlockFacts[];
  /** Of all modules together; undefined where none can be measured. */
  readonly norm?: number;
  readonly spectrum?: SpectrumSummary;
  /** Largest ‖ΔW‖ for the size of their layers first. */
  readonly strongest: readonly {
    readonly target: string;
    readonly norm: number;
    readonly timesMedian: number;
  }[];
  readonly training: TrainingFacts;
  readonly findings: readonly Finding[];
  readonly metadata: Readonly<Record<string, string>>;
}
