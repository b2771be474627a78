/** @file What the library knows of a file: facts from its header, what side files say, what the user wrote. */

export type CardUse = 'lora' | 'checkpoint' | 'embedding' | 'vae';

/** Trigger words as one set: a LoRA may have several, each with a strength and words for the negative prompt. */
export interface TriggerSet {
  /** `default` where there is one. */
  readonly name: string;
  readonly words: string;
  readonly strength?: number | undefined;
  readonly negative?: string | undefined;
}

/** Where words come from, the most trusted first. */
export type TriggerOrigin = 'user' | 'side-file' | 'metadata' | 'captions';

export interface CardHashes {
  /** Legacy, 8 digits. */
  readonly autoV1?: string | undefined;
  /** sha256 of the file, 10 digits, and whole. */
  readonly autoV2?: string | undefined;
  readonly sha256?: string | undefined;
  /** sha256 of the tensor data, 12 digits, and whole. Only where the file was read; what metadata claims is not copied here. */
  readonly autoV3?: string | undefined;
  readonly body?: string | undefined;
}

export interface CardTraining {
  readonly base?: string | undefined;
  readonly pictures?: number | undefined;
  readonly steps?: number | undefined;
  readonly epoch?: number | undefined;
  readonly epochs?: number | undefined;
  readonly resolution?: string | undefined;
  readonly rate?: string | undefined;
  readonly optimizer?: string | undefined;
  readonly trainedAt?: number | undefined;
  readonly tool?: string | undefined;
}

export interface Card {
  /** Of the tensors: the same after a move, another name, or other metadata. 16 hex digits, or `pocket`. */
  readonly id: string;
  readonly use: CardUse;
  /** File name without its ending, or the name that the user gave. */
  readonly name: string;
  readonly fileName: string;
  /** Id of the library's folder (`pocket` for the embedded model), and the folder within it with `/` (empty at its top). */
  readonly folder: string;
  readonly place: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly addedAt: number;
  /** `missing`: its folder or drive is away, or the file was deleted; the card stays. */
  readonly state: 'present' | 'missing' | 'broken';
  /** Why it cannot be read, where it is broken. */
  readonly fault?: { readonly code: string; readonly message: string } | undefined;
  /** `SD 1.x`, `SDXL` …; from tensor shapes. */
  readonly family: string;
  /** What metadata says instead, where it says something else. */
  readonly claimedFamily?: string | undefined;
  /** `LoRA`, `LoHa` …; empty for other uses. */
  readonly kind: string;
  readonly rank?: number | undefined;
  readonly alpha?: number | undefined;
  readonly triggers: readonly TriggerSet[];
  readonly triggerOrigin?: TriggerOrigin | undefined;
  readonly tags: readonly string[];
  readonly notes: string;
  readonly description: string;
  readonly favourite: boolean;
  /** 0 (none) to 5. */
  readonly rating: number;
  readonly strength?: number | undefined;
  readonly license?: string | undefined;
  readonly author?: string | undefined;
  readonly hasPreview: boolean;
  /** Changes with the preview, for caches of pages. */
  readonly previewVersion?: string | undefined;
  /** LoRAs of one training have the same series: epochs and versions. */
  readonly series?: string | undefined;
  readonly seriesStep?: number | undefined;
}

/** All of a card, for its page. */
export interface WholeCard extends Card {
  readonly hashes: CardHashes;
  readonly training: CardTraining;
  /** Most frequent first, summed over data sets; up to 200. */
  readonly tagFrequency: readonly { readonly tag: string; readonly count: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly sideFiles: readonly { readonly name: string; readonly dialect: string }[];
  readonly versions: readonly {
    readonly id: string;
    readonly name: string;
    readonly step?: number | undefined;
    readonly state: Card['state'];
  }[];
  /** Other files with the same tensors. */
  readonly copies: readonly {
    readonly folder: string;
    readonly place: string;
    readonly fileName: string;
    readonly state: 'present' | 'missing';
  }[];
  readonly findings: readonly {
    readonly level: 'warning' | 'note';
    readonly code: string;
    readonly text: string;
  }[];
}

/** What the user may change; null takes it back to what the file and its side files say. */
export interface CardEdit {
  readonly name?: string | null | undefined;
  readonly triggers?: readonly TriggerSet[] | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  readonly notes?: string | undefined;
  readonly description?: string | null | undefined;
  readonly favourite?: boolean | undefined;
  readonly rating?: number | undefined;
  readonly strength?: number | null | undefined;
  readonly license?: string | null | undefined;
  readonly author?: string | null | undefined;
}

export interface CardQuery {
  /** Words, all of which must begin a word of the card. */
  readonly text?: string | undefined;
  readonly use?: CardUse | undefined;
  readonly family?: string | undefined;
  readonly kind?: string | undefined;
  readonly tag?: string | undefined;
  /** Id of a folder, or `id/place` for what is in a folder of it. */
  readonly folder?: string | undefined;
  readonly favourite?: boolean | undefined;
  readonly state?: Card['state'] | undefined;
  /** One card for a series: its newest. */
  readonly grouped?: boolean | undefined;
  readonly sort?: 'name' | 'newest' | 'rating' | 'size' | 'best' | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface CardPage {
  readonly total: number;
  readonly cards: readonly Card[];
}

export interface Facets {
  readonly families: readonly { readonly value: string; readonly count: number }[];
  readonly kinds: readonly { readonly value: string; readonly count: number }[];
  readonly tags: readonly { readonly value: string; readonly count: number }[];
  readonly folders: readonly { readonly value: string; readonly count: number }[];
}

export interface LibraryFolder {
  readonly id: string;
  readonly path: string;
  readonly uses: readonly CardUse[];
  /** `studio` (its own), `a1111`, `forge`, `comfyui`, or `folder`. */
  readonly layout: string;
  readonly state: 'present' | 'missing';
  readonly files: number;
}

/** Files of one card. */
export interface Duplicate {
  readonly id: string;
  readonly files: readonly string[];
  /** What all but one of them take. */
  readonly bytes: number;
  /** All of their tensors were read and are equal; otherwise samples are, and a hash makes sure. */
  readonly isSame: boolean;
}

export interface ScanSummary {
  /** Models that are there: files, and folders that are one model. */
  readonly seen: number;
  readonly added: number;
  /** Files whose bytes or side files are others, and those that are back. */
  readonly changed: number;
  readonly moved: number;
  /** Cards that are missing now, and those whose file cannot be read. */
  readonly missing: number;
  readonly broken: number;
  /** What was not looked into: links that lead out of a folder, folders that may not be read. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly seconds: number;
}
