/** @file Wildcard files: texts of one choice a line, found by name or by pattern below some folders. */
import { readFileSync, statSync } from 'node:fs';
import { badInput } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { joinListings, type ListedFile, leadsOut, listUsual } from '../find-lora/listing.ts';
import { nearHint } from '../find-lora/near-names.ts';

const ending = '.txt';
/** Of sd-dynamic-prompts too; listed so that an error can name them. */
const structured = ['.yaml', '.yml', '.json'];
/** Where sd-dynamic-prompts and the older wildcards extension keep them below A1111's folder. */
const usualFolders = [
  'wildcards',
  'scripts/wildcards',
  'extensions/sd-dynamic-prompts/wildcards',
  'extensions/stable-diffusion-webui-wildcards/wildcards',
];
const mostBytes = 16 * 2 ** 20;

export interface Wildcards {
  /** Lines of all files that `__name__` means, each once. Throws WILDCARD_* where there are none. */
  lines(name: string): readonly string[];
}

const nameOf = ({ inFolder }: ListedFile): string => inFolder.replace(/\.[^./]+$/, '');

/** `*` is any text and `?` any character; they cross folders, as in the `dynamicprompts` package. In steps of n·m. */
function globMatches(pattern: string, text: string): boolean {
  let [p, t, star, resume] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') [star, resume, p] = [p, t, p + 1];
    else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) [p, t] = [p + 1, t + 1];
    else if (star >= 0) [p, resume, t] = [star + 1, resume + 1, resume + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(p));
}

/** The file of that name, in its case or in any; else those of that name in a deeper folder. */
function filesCalled(name: string, files: readonly ListedFile[]): ListedFile[] {
  if (/[*?]/.test(name))
    return files.filter(file => globMatches(name.toLowerCase(), nameOf(file).toLowerCase()));
  const wanted = name.toLowerCase();
  const equal = files.filter(file => nameOf(file).toLowerCase() === wanted);
  const exact = equal.filter(file => nameOf(file) === name);
  if (exact.length > 0) return exact;
  if (equal.length > 0) return equal;
  return files.filter(file => nameOf(file).toLowerCase().endsWith(`/${wanted}`));
}

function readLines(path: string): string[] {
  const { size } = statSync(path);
  if (size > mostBytes) {
    const message = `${path} has ${size} bytes; wildcard files have at most ${mostBytes}`;
    throw badInput('WILDCARD_TOO_LARGE', message, 'Split it into several files.');
  }
  const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  return text
    .split(/\r\n|[\n\r]/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
}

/** Opens folders of wildcard files: they are listed at the first question, and each file is read once. */
export function openWildcards(folders: readonly string[]): Wildcards {
  let listing: readonly ListedFile[] | undefined;
  const listed = (): readonly ListedFile[] => {
    listing ??= joinListings(
      folders.map(path => listUsual(path, usualFolders, [ending, ...structured])),
    ).files;
    return listing;
  };
  const texts = (): ListedFile[] => listed().filter(({ path }) => path.toLowerCase().endsWith(ending));
  const known = new Map<string, readonly string[]>();

  const missing = (name: string): Error => {
    const other = filesCalled(name, listed()).at(0);
    if (folders.length === 0)
      return badInput(
        'WILDCARD_NOT_FOUND',
        `__${printable(name)}__: no folder of wildcards is given`,
        'Write \\_ for a plain _.',
      );
    const hint = other
      ? `${other.path} is not read: only .txt files are, with one choice a line.`
      : nearHint(
          name,
          texts().map(nameOf),
          `There are ${texts().length} wildcard files in ${folders.join(', ')}.`,
        );
    return badInput('WILDCARD_NOT_FOUND', `no wildcard file is called ${printable(name)}`, hint);
  };

  const read = (name: string): readonly string[] => {
    const plain = name
      .replaceAll('\\', '/')
      .replace(/\/{2,}/g, '/')
      .replace(/^\/|\/$/g, '')
      .replace(/\.txt$/i, '');
    const files = leadsOut(plain) ? [] : filesCalled(plain, texts());
    if (files.length === 0) throw missing(plain);
    const lines = [...new Set(files.flatMap(({ path }) => readLines(path)))];
    if (lines.length > 0) return lines;
    const paths = files
      .slice(0, 5)
      .map(({ path }) => path)
      .join(', ');
    throw badInput(
      'WILDCARD_EMPTY',
      `${paths}: no line that could be chosen`,
      'Write one choice a line; # begins a comment.',
    );
  };

  return {
    lines(name) {
      const lines = known.get(name) ?? read(name);
      known.set(name, lines);
      return lines;
    },
  };
}
