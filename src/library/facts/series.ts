/** @file Which LoRAs are of one training: epochs and steps of it, told by metadata, or by how their files are called. */
import type { MetadataFacts } from './file-facts.ts';

export interface SeriesPlace {
  /** The same for all of one training; alone in it, a card is of no series. */
  readonly series: string;
  /** What orders them, where something tells. */
  readonly step: number | undefined;
}

/** Ends of names: kohya's epochs and steps, those of other trainers. */
const ends: readonly RegExp[] = [
  /[-_ ]?(?:step|steps)[-_]?0*(\d+)$/i,
  /[-_ ](?:epoch|ep|e)[-_]?0*(\d+)$/i,
  /[-_]0*(\d{5,})$/,
  /[-_]checkpoint[-_]0*(\d+)$/i,
];

/** A name without what says its step. */
export function splitName(name: string): { base: string; step: number | undefined } {
  for (const end of ends) {
    const match = end.exec(name);
    if (match && match.index > 0) return { base: name.slice(0, match.index), step: Number(match[1]) };
  }
  return { base: name, step: undefined };
}

/**
 * The place of a LoRA among others. By metadata it is the same wherever its file lies; by name, only files of one folder
 * are of one series.
 */
export function seriesOf(
  metadata: MetadataFacts,
  file: { readonly folder: string; readonly place: string; readonly stem: string },
): SeriesPlace {
  const { run, training } = metadata;
  const { base, step } = splitName(file.stem);
  if (run !== undefined) return { series: `run ${run}`, step: training.steps ?? training.epoch ?? step };
  return { series: `name ${file.folder} ${file.place}/${base.toLowerCase()}`, step };
}
