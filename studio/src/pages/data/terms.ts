/** @file What captions are made of: tags between commas, or words of sentences; counted over a set. */

export type CaptionStyle = 'tags' | 'sentences';

/** Words that say nothing of a picture. */
const fillers = new Set(
  'a an and are as at by for from has her his in into is it its of off on or out over the their this to under up with'.split(
    ' ',
  ),
);

/** How most captions are written: with two commas and more they are lists of tags. */
export function styleOf(captions: readonly string[]): CaptionStyle {
  const written = captions.filter(caption => caption.trim() !== '');
  const lists = written.filter(caption => caption.split(',').length >= 3);
  return 2 * lists.length > written.length ? 'tags' : 'sentences';
}

const tagsOf = (caption: string): string[] => caption.split(/[,\n]/).map(tag => tag.trim().toLowerCase());

const wordsOf = (caption: string): string[] =>
  caption
    .toLowerCase()
    .split(/[^\p{L}\p{N}'’_-]+/u)
    .filter(word => !fillers.has(word));

/** Tags or words of a caption, each once, in their order. */
export function termsOf(caption: string, style: CaptionStyle): string[] {
  const all = style === 'tags' ? tagsOf(caption) : wordsOf(caption);
  return [...new Set(all.filter(term => term !== ''))];
}

export interface TermCount {
  readonly term: string;
  readonly count: number;
}

/** In how many captions each term is, the most frequent first. */
export function countTerms(captions: readonly string[], style: CaptionStyle): TermCount[] {
  const counts = new Map<string, number>();
  for (const caption of captions)
    for (const term of termsOf(caption, style)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts]
    .map(([term, count]) => ({ term, count }))
    .sort((a, b) => b.count - a.count || (a.term < b.term ? -1 : 1));
}
