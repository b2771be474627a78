/** @file Text to words, the same way for what is looked through and for what is looked for. */

/** Letters and digits; or one sign that stands alone: an emoji, or a letter of a script without spaces. */
const words =
  /\p{Extended_Pictographic}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Extended_Pictographic}])[\p{L}\p{N}\p{M}])+/gu;
const emoji = /^\p{Extended_Pictographic}$/u;

const longestText = 20_000;
const longestWord = 64;

/** `MyStyleV2` is looked for as `style`, too. */
const inner = /(?<=\p{Ll}|\p{N})(?=\p{Lu})/u;

const split = (text: string): string[] => text.slice(0, longestText).normalize('NFKC').match(words) ?? [];

/** As it is indexed. SQLite's tables know no emoji of the last years, so these have names. */
const indexed = (word: string): string =>
  emoji.test(word)
    ? `emoji${word.codePointAt(0)?.toString(16).padStart(6, '0')}`
    : word.toLowerCase().slice(0, longestWord);

/** What is looked through: words with spaces between them, those that are written together also apart. */
export function wordsOf(text: string): string {
  const all = split(text).flatMap(word => {
    const parts = word.split(inner);
    return parts.length > 1 ? [word, ...parts] : [word];
  });
  return all.map(indexed).join(' ');
}

const mostWords = 32;

/** An FTS5 query for all of the words, each as the beginning of one; undefined where the text holds none. */
export function queryOf(text: string): string | undefined {
  const wanted = [...new Set(split(text).map(indexed))];
  if (wanted.length === 0) return undefined;
  // Nothing but letters, digits and signs is left, so that no quote ends early.
  return wanted
    .slice(0, mostWords)
    .map(word => `"${word}"*`)
    .join(' AND ');
}
