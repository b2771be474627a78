/** @file What a LoRA's metadata says of its training, as far as people ask: base, trigger words, tags, steps. */

export interface TagCount {
  readonly tag: string;
  readonly count: number;
}

export interface TrainingFacts {
  readonly baseModel?: string;
  /** As the file says it. */
  readonly triggerPhrase?: string;
  /** Most frequent first; words where the captions are sentences. */
  readonly tags: readonly TagCount[];
  readonly tagsAre: 'tags' | 'words';
  readonly pictures?: number;
  /** Of `ss_network_dim` and `ss_network_alpha`. */
  readonly rank?: number;
  readonly alpha?: number;
}

type Metadata = Readonly<Record<string, string>>;

/** Values that kohya writes for nothing. */
const textOf = (value: string | undefined): string | undefined =>
  value === undefined || value === '' || value === 'None' ? undefined : value;

const numberOf = (value: string | undefined): number | undefined =>
  textOf(value) !== undefined && Number.isFinite(Number(value)) ? Number(value) : undefined;

function objectOf(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** `{folder: {tag: count}}` → counts over all folders. */
function countTags(metadata: Metadata): Map<string, number> {
  const counts = new Map<string, number>();
  for (const folder of Object.values(objectOf(metadata.ss_tag_frequency))) {
    if (typeof folder !== 'object' || folder === null) continue;
    for (const [tag, count] of Object.entries(folder))
      if (typeof count === 'number' && tag.trim())
        counts.set(tag.trim(), (counts.get(tag.trim()) ?? 0) + count);
  }
  return counts;
}

/** Tags this long on average are sentences (A1111's rule). */
const captionLength = 16;

function wordsOf(captions: ReadonlyMap<string, number>): Map<string, number> {
  const words = new Map<string, number>();
  for (const [caption, count] of captions)
    for (const word of caption.toLowerCase().match(/[\p{L}\p{N}_'-]{3,}/gu) ?? [])
      words.set(word, (words.get(word) ?? 0) + count);
  return words;
}

function tagsOf(metadata: Metadata): Pick<TrainingFacts, 'tags' | 'tagsAre'> {
  const counts = countTags(metadata);
  const length = [...counts.keys()].reduce((sum, tag) => sum + tag.length, 0) / (counts.size || 1);
  const tagsAre = length >= captionLength ? 'words' : 'tags';
  const shown = tagsAre === 'words' ? wordsOf(counts) : counts;
  const tags = [...shown].map(([tag, count]) => ({ tag, count }));
  return { tags: tags.sort((a, b) => b.count - a.count), tagsAre };
}

function picturesOf(metadata: Metadata): number | undefined {
  const folders = Object.values(objectOf(metadata.ss_dataset_dirs)) as { img_count?: unknown }[];
  const count = folders.reduce((sum, folder) => sum + (Number(folder?.img_count) || 0), 0);
  return count > 0 ? count : numberOf(metadata.ss_num_train_images);
}

const withoutUndefined = <T extends object>(facts: T): T =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as T;

export function trainingFacts(metadata: Metadata): TrainingFacts {
  return withoutUndefined({
    baseModel: textOf(metadata.ss_sd_model_name),
    triggerPhrase: textOf(metadata['modelspec.trigger_phrase']),
    ...tagsOf(metadata),
    pictures: picturesOf(metadata),
    rank: numberOf(metadata.ss_network_dim),
    alpha: numberOf(metadata.ss_network_alpha),
  }) as TrainingFacts;
}
