/** @file What users write to say which text or file they mean: `/regex/i`, words, and globs of paths. */
import { usageError } from '../../errors.ts';

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** `/cat|dog/i` → a regular expression; undefined for other texts. Throws CAPTION_RULE. */
export function parseRegex(text: string, option: string): RegExp | undefined {
  const match = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (!match) return undefined;
  try {
    return new RegExp(match[1], [...new Set(`${match[2]}g`)].join(''));
  } catch (cause) {
    const why = (cause as Error).message;
    throw usageError('CAPTION_RULE', `${option} ${text}: ${why}`, 'Leave the slashes out for plain text.');
  }
}

/** Scripts that put spaces between words: there "cat" is not in "category". */
const spaced = String.raw`\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}`;

/** Matches a text where it stands as words of their own. */
export function wordsPattern(text: string): RegExp {
  const isSpaced = (character: string): boolean => new RegExp(`^[${spaced}]$`, 'u').test(character);
  const letters = [...text];
  const before = isSpaced(letters[0]) ? `(?<![${spaced}])` : '';
  const after = isSpaced(letters[letters.length - 1]) ? `(?![${spaced}])` : '';
  return new RegExp(`${before}${escaped(text)}${after}`, 'gu');
}

const globParts: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};

/** A glob of paths with `/` in them: `*` and `?` stay in a folder, `**` does not. Without a `/` it means names. */
export function globPattern(glob: string): RegExp {
  const whole = glob.includes('/') ? glob.replace(/^\.?\//, '') : `**/${glob}`;
  const source = whole.replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, part => globParts[part] ?? escaped(part));
  return new RegExp(`^${source}$`, 'u');
}
