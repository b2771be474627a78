/** @file Names that may have been meant: written nearly alike, or with the same words in them. */
import { nearestWords } from '../../errors.ts';

/** `AliceV2_style-final` → alice, v2, style, final; short ones say nothing. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word.length >= 3);

/** How much of the wanted words a name has, weighed by their letters; 0 to 1. */
function sharedWords(wanted: readonly string[], name: string): number {
  const has = wordsOf(name);
  const letters = (words: readonly string[]): number => words.reduce((sum, word) => sum + word.length, 0);
  const shared = wanted.filter(word =>
    has.some(other => other === word || other.startsWith(word) || word.startsWith(other)),
  );
  return letters(shared) / Math.max(1, letters(wanted));
}

/** Longer than this, nobody meant a name. */
const longestName = 200;

/** Up to five of `known`, the nearest first: by letters, then by words. */
export function nearNames(wanted: string, known: Iterable<string>): string[] {
  if (wanted.length > longestName) return [];
  const names = [...new Set(known)];
  const words = wordsOf(wanted);
  const byWords = names
    .map(name => ({ name, shared: sharedWords(words, name) }))
    .filter(({ shared }) => shared >= 0.4)
    .sort((a, b) => b.shared - a.shared || a.name.length - b.name.length)
    .map(({ name }) => name);
  return [...new Set([...nearestWords(wanted, names), ...byWords])].slice(0, 5);
}

/** Folders as a sentence names them: a point before its full stop would be lost. */
export const shownFolders = (folders: readonly string[]): string =>
  folders.map(folder => (folder === '.' ? 'this folder' : folder)).join(', ');

/** As a hint; `none` where nothing is near. */
export function nearHint(wanted: string, known: Iterable<string>, none: string): string {
  const near = nearNames(wanted, known);
  return near.length > 0 ? `Nearest names: ${near.join(', ')}.` : none;
}
