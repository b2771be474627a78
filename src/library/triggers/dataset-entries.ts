/** @file What metadata tell of the captions of a training: tags and pictures of each folder, in the order of the captions. */

export interface FolderTags {
  /** As kohya has it: `10_zorbi creature`. */
  readonly name: string;
  /** Pictures, each counted once; where metadata do not say, the count of the commonest tag. */
  readonly pictures: number;
  /** In the order in which captions brought them, where nobody sorted them. */
  readonly tags: readonly (readonly [tag: string, count: number])[];
  /** Tags at the beginning that were never shuffled. */
  readonly keepTags: number;
  /** Put in front of every caption. */
  readonly prefix: string;
}

type Metadata = Readonly<Record<string, string>>;

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

interface Subset {
  readonly pictures: number;
  readonly keepTags: number;
  readonly prefix: string;
  readonly isRegularisation: boolean;
}

/** `ss_datasets` of newer trainings: folders with their rules. */
function subsetsOf(datasets: unknown): Map<string, Subset> {
  const all = Array.isArray(datasets) ? datasets : [];
  const subsets = all.flatMap(dataset => {
    const list = memberOf(dataset, 'subsets');
    return Array.isArray(list) ? list : [];
  });
  return new Map(
    subsets.map(subset => [
      textOf(memberOf(subset, 'image_dir')),
      {
        pictures: numberOf(memberOf(subset, 'img_count')),
        keepTags: numberOf(memberOf(subset, 'keep_tokens')),
        prefix: textOf(memberOf(subset, 'caption_prefix')),
        isRegularisation: memberOf(subset, 'is_reg') === true,
      },
    ]),
  );
}

const mostTags = 50_000;

function tagsOf(value: unknown): (readonly [string, number])[] {
  return entriesOf(value)
    .slice(0, mostTags)
    .flatMap(([tag, count]) =>
      tag.trim() !== '' && numberOf(count) > 0 ? [[tag.trim(), numberOf(count)]] : [],
    );
}

/** The folders that were trained on; those of regularisation pictures are left out. */
export function readFolderTags(metadata: Metadata): FolderTags[] {
  const datasets = parse(metadata.ss_datasets);
  const subsets = subsetsOf(datasets);
  const older = parse(metadata.ss_tag_frequency);
  const newer = Array.isArray(datasets)
    ? datasets.flatMap(set => entriesOf(memberOf(set, 'tag_frequency')))
    : [];
  const dirs = parse(metadata.ss_dataset_dirs);
  const others = new Set(entriesOf(parse(metadata.ss_reg_dataset_dirs)).map(([name]) => name));
  const trained = new Set(entriesOf(dirs).map(([name]) => name));
  const counted = new Map([...newer, ...entriesOf(older)]);
  for (const name of trained) if (!counted.has(name)) counted.set(name, {});
  const keep = numberOf(Number(metadata.ss_keep_tokens));
  return [...counted].flatMap(([name, value]) => {
    const subset = subsets.get(name);
    const isOther = others.has(name) && !trained.has(name);
    if (isOther || subset?.isRegularisation) return [];
    const tags = tagsOf(value);
    const said = numberOf(memberOf(memberOf(dirs, name), 'img_count')) || (subset?.pictures ?? 0);
    const commonest = tags.reduce((most, [, count]) => Math.max(most, count), 0);
    const rules = { keepTags: subset?.keepTags || keep, prefix: subset?.prefix ?? '' };
    return [{ name, tags, pictures: said || commonest, ...rules }];
  });
}
