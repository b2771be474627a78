/** @file The library's interface: what the command line, jobs and the server ask of it. */
import type {
  CardEdit,
  CardPage,
  CardQuery,
  CardUse,
  Duplicate,
  Facets,
  LibraryFolder,
  ScanSummary,
  WholeCard,
} from './card.ts';

export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Library {
  folders(): LibraryFolder[];
  /**
   * A folder with files, or an installation of A1111, Forge or ComfyUI (whose folders are added as far as they are there,
   * those of `extra_model_paths.yaml` too, which may also be given itself). What comes back is what was added; a scan finds
   * its files. Throws FOLDER_NOT_FOUND, FOLDER_KNOWN, FOLDER_TOO_WIDE, EXTRA_PATHS_WRONG.
   */
  addFolder(path: string, uses?: readonly CardUse[]): LibraryFolder[];
  /** Forgets a folder; cards of its files go, what the user wrote of them stays. Throws FOLDER_UNKNOWN, FOLDER_OWN. */
  removeFolder(id: string): void;
  /** Looks for what is new, changed, moved or gone. Reads headers only, and only of files that changed. */
  scan(options?: ScanOptions): Promise<ScanSummary>;
  search(query: CardQuery): CardPage;
  facets(use?: CardUse): Facets;
  /** `id`, or a unique beginning of it of 8 digits or more. */
  card(id: string): WholeCard | undefined;
  /** Throws CARD_UNKNOWN, CARD_EDIT_WRONG. */
  edit(id: string, changes: CardEdit): WholeCard;
  /** Takes the card of a missing file away; what the user wrote of it stays. Throws CARD_UNKNOWN, CARD_PRESENT. */
  forget(id: string): void;
  /** Where the file is. Throws CARD_UNKNOWN, CARD_MISSING. */
  pathOf(id: string): string;
  /** A picture of the card, as it lies on disk or in the file; to be re-encoded before it is served. */
  preview(id: string): Promise<Uint8Array | undefined>;
  /** A picture (any that sharp reads) as preview, kept in the data folder; undefined takes it away again. */
  setPreview(id: string, picture: Uint8Array | undefined): Promise<void>;
  /**
   * Reads the whole file, in a thread of its own, and keeps its hashes; with `copies` also those of all files of the card,
   * which tells whether they are the same. Throws CARD_UNKNOWN, CARD_MISSING, FILE_CHANGED.
   */
  hash(
    id: string,
    signal?: AbortSignal,
    options?: { readonly copies?: boolean },
  ): Promise<WholeCard['hashes']>;
  /** Files with the same tensors, and those that look alike as long as they were not hashed. */
  duplicates(): Duplicate[];
  close(): void;
}
