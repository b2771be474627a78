/** @file What the library keeps of a file; the rest of its metadata is read when somebody looks at the card. */
import type { CardTraining, CardUse, TriggerOrigin, TriggerSet, WholeCard } from '../card.ts';

export type Finding = WholeCard['findings'][number];

export interface Fault {
  readonly code: string;
  readonly message: string;
}

/** What the table of tensors says, whatever the metadata. */
export interface TableFacts {
  readonly use: CardUse;
  /** `unknown` where the tensors do not tell. */
  readonly family: string;
  /** Where they leave a choice. */
  readonly families?: readonly string[] | undefined;
  readonly kind: string;
  readonly rank?: number | undefined;
  readonly alpha?: number | undefined;
  /** The tensor with the alpha of a usual module. */
  readonly alphaKey?: string | undefined;
  readonly fault?: Fault | undefined;
  readonly findings: readonly Finding[];
}

/** What metadata say. */
export interface MetadataFacts {
  readonly claimedFamily?: string | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly author?: string | undefined;
  readonly license?: string | undefined;
  /** Trigger words that it says itself, or that captions tell. */
  readonly triggers: readonly TriggerSet[];
  readonly triggerOrigin?: TriggerOrigin | undefined;
  readonly tags: readonly string[];
  /** Name at training. */
  readonly alias?: string | undefined;
  /** sha256 of the tensors, as it says. */
  readonly claimedHash?: string | undefined;
  readonly training: CardTraining;
  /** Most frequent first, a few. */
  readonly frequency: readonly { readonly tag: string; readonly count: number }[];
  readonly hasThumbnail: boolean;
  /** Files of one training have the same. */
  readonly run?: string | undefined;
}

export interface FileFacts extends TableFacts {
  readonly metadata: MetadataFacts;
}
