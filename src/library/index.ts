/** The library: cards of LoRAs and checkpoints wherever they lie, the user's data sets and pictures, search and sharing. */
export type * from './card.ts';
export type { Library, ScanOptions } from './library.ts';
