/** @file From what was written in a command or a TOML file to values of sd-scripts' types. */
import { nearestWords } from '../../../errors.ts';
import { showValue } from '../problems.ts';
import type { KohyaArgument, KohyaTable, KohyaValue, KohyaValues } from './argument.ts';
import type { RawArgument } from './command-line.ts';

/** An argument that cannot be taken as it was written. */
export interface WrongArgument {
  readonly argument: string;
  readonly why: string;
}

/** What argparse makes of a word, or TOML gives; undefined = it is none of this type. */
function scalar(value: unknown, { type, choices }: KohyaArgument): string | number | boolean | undefined {
  if (type === 'flag') {
    const word = String(value).toLowerCase();
    return typeof value === 'boolean'
      ? value
      : word === 'true' || word === '1'
        ? true
        : word === 'false' || word === '0'
          ? false
          : undefined;
  }
  if (type === 'str') {
    if (typeof value !== 'string' && typeof value !== 'number') return undefined;
    return choices && !choices.includes(String(value)) ? undefined : String(value);
  }
  const isPercent = type === 'int_or_float' && typeof value === 'string' && /^\s*[\d.]+%\s*$/.test(value);
  const number = isPercent
    ? Number(value.trim().slice(0, -1)) / 100
    : typeof value === 'string' && value.trim() !== ''
      ? Number(value)
      : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  if (type === 'int' && !Number.isInteger(number)) return undefined;
  return choices && !choices.includes(String(number)) ? undefined : number;
}

/** Python's ways to say nothing in a TOML file: an empty text, or false where no flag is. */
const isNothing = (value: unknown, { type }: KohyaArgument): boolean =>
  value === null || value === undefined || (type !== 'flag' && (value === false || value === ''));

const wanted: Readonly<Record<KohyaArgument['type'], string>> = {
  flag: 'true or false',
  int: 'a whole number',
  float: 'a number',
  int_or_float: 'a number or a percentage',
  str: 'text',
};

function coerce(name: string, value: unknown, row: KohyaArgument): { value: KohyaValue } | WrongArgument {
  if (isNothing(value, row)) return { value: row.usual };
  // sd-scripts wants text; TOML files often have a number or a pair.
  if (name === 'resolution' && Array.isArray(value)) return coerce(name, value.join(','), row);
  const parts = Array.isArray(value) ? value : [value];
  const values = parts.map(part => scalar(part, row));
  const isWrong = values.some(part => part === undefined) || (parts.length !== 1 && !row.isList);
  if (isWrong) {
    const give = row.choices
      ? row.choices.join(', ')
      : `${wanted[row.type]}${row.isList ? ' or several' : ''}`;
    return { argument: name, why: `${showValue(value)} is not allowed; give ${give}` };
  }
  return { value: row.isList ? (values as string[] | number[]) : (values[0] as KohyaValue) };
}

export interface ReadValues {
  readonly values: KohyaValues;
  readonly wrong: readonly WrongArgument[];
  /** Names that sd-scripts does not have, with those that were meant. */
  readonly unknown: readonly { readonly argument: string; readonly meant: readonly string[] }[];
}

/** A command's arguments as a TOML file would say them. */
export function asWritten(found: readonly RawArgument[], table: KohyaTable): Map<string, unknown> {
  const written = new Map<string, unknown>();
  for (const { name, values } of found) {
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    written.set(name, values === undefined ? true : row?.isList ? values : values[0]);
  }
  return written;
}

/** All arguments of a run: those that were written, in their types, and the defaults of the rest. */
export function readValues(written: ReadonlyMap<string, unknown>, table: KohyaTable): ReadValues {
  const values = new Map<string, KohyaValue>();
  const wrong: WrongArgument[] = [];
  const unknown: { argument: string; meant: string[] }[] = [];
  for (const [name, value] of written) {
    if (!Object.hasOwn(table, name)) {
      unknown.push({ argument: name, meant: nearestWords(name, Object.keys(table)) });
      continue;
    }
    const result = coerce(
      name,
      value === true && table[name].type !== 'flag' ? undefined : value,
      table[name],
    );
    if (value === true && table[name].type !== 'flag') wrong.push({ argument: name, why: 'has no value' });
    else if ('why' in result) wrong.push(result);
    else if (!isNothing(value, table[name])) values.set(name, result.value);
  }
  const valueFor = (name: string): KohyaValue => values.get(name) ?? table[name]?.usual ?? null;
  const own: KohyaValues = {
    isGiven: name => values.has(name),
    flag: name => valueFor(name) === true,
    text: name => {
      const value = valueFor(name);
      return value === null || Array.isArray(value) ? null : String(value);
    },
    number: name => {
      const value = valueFor(name);
      return typeof value === 'number' ? value : null;
    },
    list: name => {
      const value = valueFor(name);
      return Array.isArray(value) ? value.map(String) : value === null ? [] : [String(value)];
    },
  };
  return { values: own, wrong, unknown };
}
