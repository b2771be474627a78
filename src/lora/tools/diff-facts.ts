/** @file What a comparison of two LoRAs tells. */

/** Norms, distance and angle of two changes. */
export interface Difference {
  /** ‖A‖ and ‖B‖. */
  readonly norms: readonly [number, number];
  /** ‖A − B‖ over the larger of both norms. */
  readonly distance: number;
  /** Undefined where one of them is 0. */
  readonly cosine?: number;
}

export interface ModuleDifference extends Difference {
  readonly target: string;
  readonly kinds: readonly [string, string];
  readonly ranks: readonly [number, number];
  /** `tensors`: without the base, tensors were compared in place of ΔW; `nothing`: they cannot be compared. */
  readonly by: 'change' | 'tensors' | 'nothing';
  readonly isEqual: boolean;
}

export interface BlockDifference extends Difference {
  readonly block: string;
  readonly section: string;
  readonly part: string;
  readonly modules: number;
}

export interface MetadataDifference {
  readonly key: string;
  /** Undefined where the file has no such entry. */
  readonly a?: string;
  readonly b?: string;
}

export interface SideFacts {
  readonly path: string;
  readonly kinds: readonly string[];
  readonly dialect: string;
  readonly family: string;
  readonly dtypes: readonly string[];
  readonly ranks: readonly number[];
  readonly modules: number;
  readonly skipped: number;
}

/** From equal files to LoRAs that have nothing in common. */
export type Verdict = 'file' | 'tensors' | 'weights' | 'close' | 'scaled' | 'different';

export interface LoraDifference extends Difference {
  readonly verdict: Verdict;
  /** Within the tolerance. */
  readonly isSame: boolean;
  readonly a: SideFacts;
  readonly b: SideFacts;
  readonly metadata: readonly MetadataDifference[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** In both, in the order in which the model runs them. */
  readonly modules: readonly ModuleDifference[];
  readonly blocks: readonly BlockDifference[];
}
