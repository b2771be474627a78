/** @file Captions as lists of tags: where one ends, when two are the same, how they are written again. */

const isDigit = (character: string | undefined): boolean => character !== undefined && /\d/.test(character);

/** Splits at commas; not inside `{a, b|c}`, and not in 1,000. */
export function splitTags(caption: string): string[] {
  const tags: string[] = [];
  let [depth, begin] = [0, 0];
  for (let i = 0; i < caption.length; i++) {
    if (caption[i] === '{') depth++;
    else if (caption[i] === '}') depth = Math.max(0, depth - 1);
    else if (caption[i] === ',' && depth === 0 && !(isDigit(caption[i - 1]) && isDigit(caption[i + 1]))) {
      tags.push(caption.slice(begin, i));
      begin = i + 1;
    }
  }
  tags.push(caption.slice(begin));
  return tags.map(tag => tag.trim()).filter(tag => tag !== '');
}

export const joinTags = (tags: readonly string[]): string => tags.join(', ');

/** Equal for tags that are the same: case does not count, as in CLIP; `_` is a space; accents may be composed or not. */
export const tagKey = (tag: string): string =>
  tag
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s_]+/g, ' ')
    .trim();

export function holdsTag(caption: string, tag: string): boolean {
  const key = tagKey(tag);
  return splitTags(caption).some(own => tagKey(own) === key);
}
