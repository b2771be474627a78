/** @file Breaks a sheet's texts into lines. */
import { labelWidth } from '../drawing/svg.ts';

/** Lines of a text, at most `most` of a width; what does not fit ends with …. */
export function linesOf(text: string, width: number, size: number, most: number, bold = false): string[] {
  const fits = (line: string): boolean => labelWidth(line, size, bold) <= width;
  const lines: string[] = [];
  let line = '';
  // A name may break behind what joins its parts.
  const parts = text.match(/\s+|[^\s,_/-]+[,_/-]*|[,_/-]+/g) ?? [];
  const pieces = parts.flatMap(part => (fits(part) ? [part] : [...part]));
  for (const piece of pieces) {
    if (line !== '' && !fits((line + piece).trimEnd())) {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    } else line = line === '' ? piece.trimStart() : line + piece;
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  if (lines.length <= most) return lines;
  const letters = [...lines[most - 1]];
  while (letters.length > 1 && !fits(`${letters.join('').trimEnd()}…`)) letters.pop();
  return [...lines.slice(0, most - 1), `${letters.join('').trimEnd()}…`];
}

/** The one text that all things give; undefined where they differ. */
export function commonText<T>(things: readonly T[], textOf: (thing: T) => string): string | undefined {
  const texts = new Set(things.map(textOf));
  return texts.size === 1 ? [...texts][0] : undefined;
}

/** Words that all texts begin and end with, … for those between; nothing where there are none. */
export function commonWords(texts: readonly string[]): string {
  const words = texts.map(text => text.split(' '));
  const [first] = words;
  const shortest = Math.min(...words.map(({ length }) => length));
  const same = (from: (all: readonly string[]) => string | undefined): boolean =>
    words.every(all => from(all) === from(first));
  let begin = 0;
  while (begin < shortest && same(all => all[begin])) begin++;
  let end = 0;
  while (end < shortest - begin && same(all => all[all.length - 1 - end])) end++;
  if (begin === 0 && end === 0) return '';
  const parts = [first.slice(0, begin), ['…'], end === 0 ? [] : first.slice(-end)];
  return parts.flat().join(' ');
}

/** Parts of a caption, those that are not empty. */
export const joined = (parts: readonly string[]): string => parts.filter(part => part !== '').join('  ·  ');
