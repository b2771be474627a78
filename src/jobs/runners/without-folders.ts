/** @file Results go to a page: what they say of files is said without the folders of this machine. */
import { sep } from 'node:path';

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Every text of a plain value with these folders taken off the paths in it, and what is no JSON left out. */
export function withoutFolders(value: unknown, folders: readonly string[]): unknown {
  const longestFirst = folders.filter(folder => folder !== '').toSorted((a, b) => b.length - a.length);
  const inside = new RegExp(
    longestFirst.map(folder => `${escaped(folder)}(?:${escaped(sep)}|(?![\\w.-]))`).join('|'),
    'g',
  );
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return longestFirst.length === 0 ? part : part.replace(inside, '');
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, clean(inner)]));
  };
  return clean(JSON.parse(JSON.stringify(value)));
}
