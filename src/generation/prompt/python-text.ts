/** @file White space and words as Python's `re` has them: the programs whose prompts are read here are written in it. */

/** `str.isspace`: other than in JavaScript, U+001C … 1F and U+0085 are space, and U+FEFF is not. */
export const pythonSpace = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

/** `\bword\b`, where letters and digits of every script belong to words. */
export const wholeWord = (word: string): RegExp =>
  new RegExp(String.raw`(?<![\p{L}\p{N}_])${word}(?![\p{L}\p{N}_])`, 'gu');

const space = new RegExp(`[${pythonSpace}]`);

/** The first place that is not white space, from `start` on. */
export function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && space.test(text[at])) at++;
  return at;
}

/** The place after the last character that is not white space, before `end`. A loop: `\s+$` takes quadratic time. */
export function skipSpaceBack(text: string, end: number): number {
  let at = end;
  while (at > 0 && space.test(text[at - 1])) at--;
  return at;
}
