/** @file Trigger words as sets: compared, named, joined without doubles. */
import type { TriggerSet } from '../card.ts';

/** The tags of a set's words. */
export const tagsOfWords = (words: string): string[] =>
  words
    .split(',')
    .map(tag => tag.trim())
    .filter(tag => tag !== '');

/** As words are compared: case, underscores, backslashes and doubled spaces do not count. */
export const plainTag = (tag: string): string =>
  tag
    .toLowerCase()
    .replace(/\\/g, '')
    .replace(/[_\s]+/g, ' ')
    .trim();

const plainTags = ({ words }: TriggerSet): Set<string> => new Set(tagsOfWords(words).map(plainTag));

/** Whether every tag of the one is in the other. */
export function isWithin(part: TriggerSet, whole: TriggerSet): boolean {
  const tags = plainTags(whole);
  return [...plainTags(part)].every(tag => tags.has(tag));
}

const isSame = (a: TriggerSet, b: TriggerSet): boolean => isWithin(a, b) && isWithin(b, a);

const plainSet = ({ name, words, strength, negative }: TriggerSet): TriggerSet => ({
  ...{ name, words },
  ...(strength === undefined ? {} : { strength }),
  ...(negative === undefined ? {} : { negative }),
});

/** Sets of one who wrote them, as they are: two of the same words may be meant, for a soft and a hard strength. */
export const asWritten = (sets: readonly TriggerSet[]): TriggerSet[] =>
  sets
    .filter(
      set => plainTags(set).size > 0 || set.strength !== undefined || (set.negative ?? '').trim() !== '',
    )
    .map(plainSet);

const isAlike = (a: TriggerSet, b: TriggerSet): boolean =>
  isSame(a, b) && a.strength === b.strength && (a.negative ?? '') === (b.negative ?? '');

/** Sets of one source, without those that say nothing new beside their name. */
const ofOneSource = (sets: readonly TriggerSet[]): TriggerSet[] =>
  asWritten(sets).filter((set, i, all) => all.findIndex(other => isAlike(other, set)) === i);

/** Sets that nobody has had before, in their order; strength and negative words of a double are kept where there were none. */
export function withoutDoubles(sets: readonly TriggerSet[]): TriggerSet[] {
  const kept: TriggerSet[] = [];
  for (const set of sets) {
    if (plainTags(set).size === 0) continue;
    const at = kept.findIndex(other => isSame(other, set));
    if (at < 0) kept.push(set);
    else
      kept[at] = {
        ...kept[at],
        strength: kept[at].strength ?? set.strength,
        negative: kept[at].negative ?? set.negative,
      };
  }
  return kept.map(plainSet);
}

const longestName = 40;
const shorten = (name: string): string =>
  name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name;

/** Names for sets without one: `default` for the first or only one, else the tag that the others do not have. */
export function nameSets(sets: readonly Omit<TriggerSet, 'name'>[]): TriggerSet[] {
  if (sets.length === 1) return [{ ...sets[0], name: 'default' }];
  const taken = new Map<string, number>();
  const tags = sets.map(({ words }) => tagsOfWords(words));
  return sets.map((set, i) => {
    const others = new Set(tags.flatMap((own, j) => (j === i ? [] : own.map(plainTag))));
    const name = shorten(tags[i].find(tag => !others.has(plainTag(tag))) ?? tags[i][0] ?? 'set');
    const count = (taken.get(name) ?? 0) + 1;
    taken.set(name, count);
    return { ...set, name: count === 1 ? name : `${name} ${count}` };
  });
}

/**
 * Adds sets of a less trusted source: those that say something new. Where the words of the one set that is there are
 * only the others one after another, the others stand for it: programs with one field for words join them so.
 */
export function addSets(trusted: readonly TriggerSet[], more: readonly TriggerSet[]): TriggerSet[] {
  if (trusted.length === 0) return ofOneSource(more);
  const [joined] = trusted;
  const parts = withoutDoubles(more.filter(set => isWithin(set, joined)));
  const union = { name: '', words: parts.map(({ words }) => words).join(', ') };
  const areSets = parts.length > 1 && parts.some(({ words }) => tagsOfWords(words).length > 1);
  if (trusted.length === 1 && areSets && isWithin(joined, union)) {
    const { strength, negative } = joined;
    const inherited = { ...(strength === undefined ? {} : { strength }), ...(negative ? { negative } : {}) };
    const others = more.filter(set => !isWithin(set, joined));
    return withoutDoubles([...parts.map(set => ({ ...inherited, ...set })), ...others]);
  }
  const fresh = more.filter(set => !trusted.some(other => isWithin(set, other)));
  return [...trusted, ...withoutDoubles(fresh)];
}
