/** @file A pasted command of sd-scripts as words, and words as arguments. */
import { usageError } from '../../../errors.ts';
import type { KohyaTable } from './argument.ts';

/** The scripts that train LoRAs of the models here. */
const script = /(^|[/\\])(sdxl_)?train_network\.py$/;
export const namesScript = (text: string): boolean =>
  /(^|[\s/\\"'])(sdxl_)?train_network\.py(\s|["'`^\\]|$)/.test(text);

const isSpace = (letter: string): boolean => /\s/.test(letter);

/** The end of a quoted piece that begins at `start`, and what is in it. */
function quoted(text: string, start: number): { piece: string; end: number } {
  const quote = text[start];
  let piece = '';
  let at = start + 1;
  while (at < text.length && text[at] !== quote) {
    // Only what must be escaped is: Windows paths keep their backslashes.
    if (quote === '"' && text[at] === '\\' && '"\\$`'.includes(text[at + 1] ?? ' ')) at++;
    piece += text[at++] ?? '';
  }
  if (at >= text.length) {
    const shown = text.slice(start, start + 40);
    throw usageError(
      'KOHYA_COMMAND_INVALID',
      `a quotation mark is not closed: ${shown}`,
      'Close it, or leave both out.',
    );
  }
  return { piece, end: at + 1 };
}

/** Shell words: quotes, comments, and lines that go on after \, ^ or `. */
export function shellWords(text: string): string[] {
  const source = text.replace(/[\\^`]\s*\r?\n/g, ' ');
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < source.length; ) {
    const letter = source[at];
    if (isSpace(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else if (letter === '"' || letter === "'") {
      const { piece, end } = quoted(source, at);
      word = (word ?? '') + piece;
      at = end;
    } else if (letter === '#' && word === undefined) {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end;
    } else if (
      letter === '\\' &&
      (isSpace(source[at + 1] ?? '') || '"\'\\'.includes(source[at + 1] ?? ' '))
    ) {
      word = (word ?? '') + (source[at + 1] ?? '');
      at += 2;
    } else {
      word = (word ?? '') + letter;
      at++;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

export interface RawArgument {
  readonly name: string;
  /** Undefined for a flag; several for lists. */
  readonly values: readonly string[] | undefined;
}

/** Names that argparse would take for `written`: itself, or the one that it is the beginning of. */
function nameFor(written: string, table: KohyaTable): string {
  if (Object.hasOwn(table, written)) return written;
  const beginning = Object.keys(table).filter(name => name.startsWith(written));
  return beginning.length === 1 ? beginning[0] : written;
}

const isNumber = (word: string): boolean => /^-?(\d|\.\d)/.test(word);
const isName = (word: string): boolean => word.startsWith('--') && word.length > 2 && !isNumber(word);

/** `--name=value`, `--name value`, `--flag`, `--list a b`, behind the script's name where there is one. */
export function readArguments(
  words: readonly string[],
  table: KohyaTable,
): { found: RawArgument[]; stray: string[] } {
  const at = words.findIndex(word => script.test(word));
  const own = words.slice(at + 1);
  const found: RawArgument[] = [];
  const stray: string[] = [];
  for (let i = 0; i < own.length; ) {
    const word = own[i++];
    if (!isName(word)) {
      stray.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const name = nameFor(word.slice(2, equals < 0 ? undefined : equals).replaceAll('-', '_'), table);
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (equals >= 0) {
      found.push({ name, values: [word.slice(equals + 1)] });
      continue;
    }
    const values: string[] = [];
    const most = row === undefined ? 1 : row.type === 'flag' ? 0 : row.isList ? own.length : 1;
    while (i < own.length && values.length < most && !isName(own[i])) values.push(own[i++]);
    found.push({ name, values: values.length > 0 || row?.isList ? values : undefined });
  }
  return { found, stray };
}
