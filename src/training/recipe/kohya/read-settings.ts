/** @file Where settings of sd-scripts are written: a config_file, a file with a command, a command itself. */
import { existsSync } from 'node:fs';
import { type LoraError, usageError } from '../../../errors.ts';
import { showValue } from '../problems.ts';
import { parseToml, readSettingsText } from '../written.ts';
import { namesScript, readArguments, shellWords } from './command-line.ts';
import { kohyaTable } from './table.ts';
import { asWritten } from './values.ts';

/** `config_file` as sd-scripts reads it: sections do not matter, one level of them is opened. */
function flatten(
  values: Readonly<Record<string, unknown>>,
  path: string,
  notes: string[],
): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const add = (key: string, value: unknown): void => {
    if (flat.has(key) && JSON.stringify(flat.get(key)) !== JSON.stringify(value))
      notes.push(
        `${path} says ${key} twice: ${showValue(flat.get(key))}, then ${showValue(value)}; the last one counts`,
      );
    flat.set(key, value);
  };
  for (const [key, value] of Object.entries(values)) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) add(key, value);
    else for (const [inside, own] of Object.entries(value)) add(inside, own);
  }
  return flat;
}

function readConfig(path: string, notes: string[]): Map<string, unknown> {
  // sd-scripts adds the ending itself.
  const whole = path.endsWith('.toml') || existsSync(path) ? path : `${path}.toml`;
  return flatten(parseToml(readSettingsText(whole), whole).values, whole, notes);
}

export const invalid = (source: string, lines: readonly string[], hint?: string): LoraError =>
  usageError(
    'KOHYA_INVALID',
    `${source}:${lines.length === 1 ? ` ${lines[0]}` : lines.map(line => `\n  ${line}`).join('')}`,
    hint,
  );

function readCommand(words: readonly string[], source: string, notes: string[]): Map<string, unknown> {
  const { found, stray } = readArguments(words, kohyaTable);
  if (stray.length > 0) {
    const shown = stray.slice(0, 5).map(word => `"${word.slice(0, 60)}" belongs to no argument`);
    throw invalid(source, shown, 'Put quotes around values with spaces.');
  }
  const own = asWritten(found, kohyaTable);
  const config = own.get('config_file');
  return new Map([...(typeof config === 'string' ? readConfig(config, notes) : []), ...own]);
}

/** Settings of sd-scripts: a `config_file`, a file with a command, or a command itself. */
export type KohyaSource = { readonly path: string } | { readonly text: string };

/** What is written there, by argument; `name` is how errors call the place. */
export function writtenIn(
  source: KohyaSource,
  notes: string[],
): { written: Map<string, unknown>; name: string } {
  if ('text' in source) {
    const name = '--kohya-args';
    return { written: readCommand(shellWords(source.text), name, notes), name };
  }
  const { path } = source;
  const isToml = path.toLowerCase().endsWith('.toml');
  const text = isToml ? '' : existsSync(path) ? readSettingsText(path) : '';
  if (text !== '' && namesScript(text))
    return { written: readCommand(shellWords(text), path, notes), name: path };
  return { written: readConfig(path, notes), name: path };
}
