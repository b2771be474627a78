/** @file Trigger words in captions that are sentences: words and phrases that nearly all of them have. */
import type { FolderTags } from './dataset-entries.ts';
import { isMadeUp, isNamed } from './evidence.ts';
import { isAllGeneral, isGeneral, isKind, smallWords } from './general-tags.ts';

/** Tags this long on average are sentences (A1111's rule, in extensions-builtin/Lora/ui_edit_user_metadata.py). */
const sentenceLength = 16;

export const areSentences = (tags: FolderTags['tags']): boolean =>
  tags.length > 0 && tags.reduce((sum, [tag]) => sum + tag.length, 0) / tags.length >= sentenceLength;

const wordsOf = (caption: string): string[] => caption.match(/[\p{L}\p{N}_'-]+/gu) ?? [];

/** Of a word: in how many captions it is, and how many begin with it. */
interface Seen {
  count: number;
  begun: number;
}

const longestPhrase = 3;
/** Captions are read up to here; a phrase that begins later calls nothing. */
const mostWords = 200;

interface Counts {
  readonly words: ReadonlyMap<string, Seen>;
  /** As it is written where it is first: `Zorbi`. */
  readonly spelling: ReadonlyMap<string, string>;
}

function countWords(tags: FolderTags['tags']): Counts {
  const words = new Map<string, Seen>();
  const spelling = new Map<string, string>();
  for (const [caption, count] of tags) {
    const written = wordsOf(caption).slice(0, mostWords);
    const list = written.map(word => word.toLowerCase());
    for (const word of new Set(list)) {
      const seen = words.get(word) ?? { count: 0, begun: 0 };
      seen.count += count;
      if (word === list[0]) seen.begun += count;
      words.set(word, seen);
    }
    for (const [i, word] of list.entries()) if (!spelling.has(word)) spelling.set(word, written[i]);
  }
  return { words, spelling };
}

/** Two or three words from this one on, each counted once a caption. */
function phrasesFrom(word: string, tags: FolderTags['tags']): Map<string, number> {
  const phrases = new Map<string, number>();
  for (const [caption, count] of tags) {
    const list = wordsOf(caption.toLowerCase()).slice(0, mostWords);
    const runs = list.flatMap((start, i) =>
      start === word
        ? Array.from({ length: longestPhrase - 1 }, (_, n) => list.slice(i, i + n + 2)).filter(
            run => run.length > 1,
          )
        : [],
    );
    for (const run of new Set(runs.map(run => run.join(' '))))
      phrases.set(run, (phrases.get(run) ?? 0) + count);
  }
  return phrases;
}

/** The longest phrase that begins with the word and that as many captions have; it may end with a kind: `ohwx man`. */
function phraseFrom(word: string, least: number, tags: FolderTags['tags']): string {
  const isPart = (part: string): boolean => !smallWords.has(part) && (isKind(part) || !isGeneral(part));
  const fits = [...phrasesFrom(word, tags)].filter(
    ([phrase, count]) => count >= least && phrase.split(' ').slice(1).every(isPart),
  );
  return fits.map(([phrase]) => phrase).sort((a, b) => b.length - a.length)[0] ?? word;
}

/**
 * The word that all captions begin with, as only those do that somebody put it in front of: captioners begin with an article.
 * Parts behind a comma that most captions have are not their beginning.
 */
function beginningWord({ tags, pictures }: FolderTags, least: number): string | undefined {
  const [word] = wordsOf(tags[0]?.[0].toLowerCase() ?? '');
  if (word === undefined || smallWords.has(word) || isAllGeneral(word.replaceAll('-', ' '))) return undefined;
  const varied = tags.filter(([, count]) => count < pictures / 2);
  return (countWords(varied).words.get(word)?.begun ?? 0) >= least ? word : undefined;
}

/** Words of sentences that nearly all captions have and that something else speaks for. */
export function sentenceTriggers(
  folder: FolderTags,
  least: number,
  leastNamed: number,
  outputName: string,
): string[] {
  const { name, tags, pictures } = folder;
  const counts = countWords(tags);
  const candidates = [...counts.words].filter(([word]) => !smallWords.has(word) && !isGeneral(word));
  const named = candidates.filter(
    ([word, { count }]) => count >= leastNamed && isNamed(word, name, outputName),
  );
  const unusual = candidates.filter(([word, { count }]) => count >= least && isMadeUp(word));
  // Few sentences may begin with a known word by chance.
  const first = pictures >= 4 ? beginningWord(folder, least) : undefined;
  const begun = candidates.filter(([word]) => word === first);
  const chosen = [named, unusual, begun].find(list => list.length > 0) ?? [];
  const phrases = chosen.map(([word, { count }]) => phraseFrom(word, Math.min(least, count), tags));
  const whole = phrases.filter(
    phrase => !phrases.some(other => other !== phrase && ` ${other} `.includes(` ${phrase} `)),
  );
  return whole.map(phrase =>
    phrase
      .split(' ')
      .map(word => counts.spelling.get(word) ?? word)
      .join(' '),
  );
}
