/** @file What side files say of a model file: one dialect's part, and all of them together. */
import type { TriggerSet } from '../card.ts';

export type SideDialect =
  | 'a1111'
  | 'lora-manager'
  | 'swarmui'
  | 'stability-matrix'
  | 'civitai'
  | 'invokeai'
  | 'text'
  | 'preview';

/** Hashes as a side file has them, in small letters; nothing of it is checked. */
export interface ClaimedHashes {
  readonly autoV1?: string | undefined;
  readonly autoV2?: string | undefined;
  readonly autoV3?: string | undefined;
  readonly sha256?: string | undefined;
  readonly crc32?: string | undefined;
  readonly blake3?: string | undefined;
}

/** What one dialect says; what it does not say is left out. */
export interface SidePart {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly notes?: string | undefined;
  readonly triggers?: readonly TriggerSet[] | undefined;
  readonly strength?: number | undefined;
  readonly negative?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** As it is written there; see families.ts. */
  readonly family?: string | undefined;
  readonly license?: string | undefined;
  readonly author?: string | undefined;
  readonly favourite?: boolean | undefined;
  readonly rating?: number | undefined;
  /** What the file is, by the site that it is from: `LORA`, `Checkpoint` … */
  readonly type?: string | undefined;
  readonly nsfw?: boolean | undefined;
  /** A `data:` URL. */
  readonly thumbnail?: string | undefined;
  readonly hashes?: ClaimedHashes | undefined;
}

export interface SideFinding {
  readonly level: 'warning' | 'note';
  readonly code: string;
  readonly text: string;
}

/** All that lies beside a model file, the most trusted dialect first for each fact. */
export interface SideFacts extends Omit<SidePart, 'triggers' | 'tags' | 'hashes'> {
  readonly triggers: readonly TriggerSet[];
  readonly tags: readonly string[];
  readonly hashes: ClaimedHashes;
  /** A name that is known here (`SD 1.x`), or the one that stands there. */
  readonly family?: string | undefined;
  /** Path of the picture that other programs show, too. */
  readonly preview?: string | undefined;
  readonly files: readonly { readonly name: string; readonly dialect: SideDialect }[];
  readonly findings: readonly SideFinding[];
}
