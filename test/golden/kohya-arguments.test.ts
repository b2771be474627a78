/** @file Arguments of sd-scripts against its own parser: none missing, same types and defaults, same reading of commands. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readArguments, shellWords } from '../../src/training/recipe/kohya/command-line.ts';
import { kohyaTable } from '../../src/training/recipe/kohya/table.ts';
import { asWritten, readValues } from '../../src/training/recipe/kohya/values.ts';

interface Argument {
  readonly type: string;
  readonly default: unknown;
  readonly nargs?: string;
  readonly choices?: readonly unknown[];
}

interface Command {
  readonly script: string;
  readonly arguments: readonly string[];
  readonly values: Readonly<Record<string, unknown>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(`test/golden/data/${name}`, 'utf8'));
const parser = read('kohya-arguments.json') as Readonly<Record<string, Argument>>;
const commands = read('kohya-commands.json') as readonly Command[];

test('every argument of the parser is in the table, and no other', () => {
  expect(Object.keys(kohyaTable).sort()).toEqual(Object.keys(parser).sort());
});

test.each(Object.entries(parser))('%s', (name, { type, default: usual, nargs }) => {
  const row = kohyaTable[name];
  expect(row.type).toBe(type === 'Path' ? 'str' : type);
  expect(row.usual).toEqual(usual);
  expect(row.isList === true).toBe(nargs === '*');
});

describe('a command means what the parser makes of it', () => {
  const valuesOf = (words: readonly string[]): Record<string, unknown> => {
    const { found, stray } = readArguments(words, kohyaTable);
    const { values, wrong, unknown } = readValues(asWritten(found, kohyaTable), kohyaTable);
    expect({ stray, wrong, unknown }).toEqual({ stray: [], wrong: [], unknown: [] });
    const given = Object.keys(kohyaTable).filter(name => {
      const usual = kohyaTable[name].usual;
      const own = values.list(name);
      return (
        values.isGiven(name) && JSON.stringify(own) !== JSON.stringify(usual === null ? [] : [String(usual)])
      );
    });
    const valueFor = (name: string): unknown => {
      const { type, isList } = kohyaTable[name];
      if (isList) return type === 'str' ? values.list(name) : values.list(name).map(Number);
      return type === 'flag' ? values.flag(name) : type === 'str' ? values.text(name) : values.number(name);
    };
    return Object.fromEntries(given.map(name => [name, valueFor(name)]));
  };

  test.each(commands)('$arguments', ({ arguments: words, values }) => {
    expect(valuesOf(words)).toEqual(values);
    expect(
      valuesOf(['accelerate', 'launch', '--num_cpu_threads_per_process', '1', 'train_network.py', ...words]),
    ).toEqual(values);
  });

  test.each(commands)('pasted over several lines: $arguments', ({ script, arguments: words, values }) => {
    const quote = (word: string): string => (/=/.test(word) ? word.replace(/=(.*)/, '="$1"') : `'${word}'`);
    for (const end of [' \\\n  ', ' ^\r\n  ', ' `\n', '\n']) {
      const text = `python ${script} ${words.map(quote).join(end)}`;
      expect(valuesOf(shellWords(text))).toEqual(values);
    }
  });
});
