/** @file What changed between two texts: the same start and end, and what stands between. */

export interface TextDifference {
  readonly start: string;
  readonly gone: string;
  readonly come: string;
  readonly end: string;
}

const isWordPart = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}]/u.test(character);

/** Whole words: `cats` → `cat` shows both words, not a missing letter. */
export function textDifference(before: string, after: string): TextDifference {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  const isInside = (at: number): boolean =>
    isWordPart(before[at - 1]) && (isWordPart(before[at]) || isWordPart(after[at]));
  while (start > 0 && isInside(start)) start--;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const cutsWord = (text: string): boolean =>
    isWordPart(text[text.length - end]) && isWordPart(text[text.length - end - 1]);
  while (end > 0 && (cutsWord(before) || cutsWord(after))) end--;
  return {
    start: before.slice(0, start),
    gone: before.slice(start, before.length - end),
    come: after.slice(start, after.length - end),
    end: before.slice(before.length - end),
  };
}
