/** @file Trigger words in a prompt: put in once, taken out again, found whatever their case. */

/** Terms between commas; commas in brackets and tags belong to their term. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  let depth = 0;
  let term = '';
  for (const character of text) {
    if ('([<{'.includes(character)) depth++;
    if (')]>}'.includes(character)) depth = Math.max(0, depth - 1);
    if ((character === ',' && depth === 0) || character === '\n') {
      terms.push(term);
      term = '';
    } else term += character;
  }
  return [...terms, term].map(one => one.trim()).filter(Boolean);
}

const plain = (term: string): string => term.toLowerCase().replace(/\s+/g, ' ').trim();

/** Whether a term stands in a text as words of its own, weighted or not. */
function isIn(text: string, term: string): boolean {
  const escaped = plain(term).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, 'u').test(
    plain(withoutTagText(text)),
  );
}

const withoutTagText = (text: string): string => text.replace(/<[^<>]*>/g, ' ');

/** Whether all words of a set are in a text. */
export const hasWords = (text: string, words: string): boolean =>
  termsOf(words).every(term => isIn(text, term));

/** A text with those words that it lacks, at its end. */
export function insertWords(text: string, words: string): string {
  const missing = termsOf(words).filter(term => !isIn(text, term));
  if (missing.length === 0) return text;
  const body = text.replace(/[\s,]+$/, '');
  return body === '' ? missing.join(', ') : `${body}, ${missing.join(', ')}`;
}

/** A text without those words where they stand as terms of their own. */
export function removeWords(text: string, words: string): string {
  const gone = new Set(termsOf(words).map(plain));
  return text
    .split('\n')
    .map(line => removeTerms(line, gone))
    .join('\n');
}

function removeTerms(line: string, gone: ReadonlySet<string>): string {
  const terms = termsOf(line);
  const kept = terms.filter(term => !gone.has(plain(term)));
  return kept.length === terms.length ? line : kept.join(', ');
}
