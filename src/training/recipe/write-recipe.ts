/** @file A whole recipe as a commented TOML file that reads back as the same recipe. */
import { allowedWords } from './allowed.ts';
import { fieldGroups, fieldText } from './groups.ts';
import type { Recipe, RecipeField } from './schema.ts';

/** A basic string; JSON's escapes are TOML's, but for DEL. */
const tomlText = (text: string): string => JSON.stringify(text).replace(/\u007f/g, '\\u007f');

/** Whole numbers that a double holds no longer exactly are floats in TOML, and so is −0. */
function tomlNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return text;
  return text.includes('e') ? text : `${text}.0`;
}

/** A bare key where its letters allow it. */
const tomlKey = (key: string): string => (/^[\w-]+$/.test(key) ? key : tomlText(key));

/** A value on one line; null inside a table is "none", which the reader knows. */
function tomlValue(value: unknown): string {
  if (typeof value === 'number') return tomlNumber(value);
  if (typeof value === 'string') return tomlText(value);
  if (value === null) return '"none"';
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, inside]) => inside !== undefined);
    return entries.length === 0
      ? '{}'
      : `{ ${entries.map(([key, inside]) => `${tomlKey(key)} = ${tomlValue(inside)}`).join(', ')} }`;
  }
  return String(value);
}

export interface WriteOptions {
  /** First lines, without #. */
  readonly heading: readonly string[];
  /** A remark behind a field's meaning: where its value comes from. */
  readonly remark?: (field: RecipeField) => string | undefined;
}

/** One line, whatever was in it. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim();

/** TOML with every field, in groups; fields without a value are there as comments. */
export function recipeToml(recipe: Recipe, { heading, remark }: WriteOptions): string {
  const blockOf = (field: RecipeField): string => {
    const note = remark?.(field);
    const comment = `# ${fieldText(field)}${note === undefined ? '' : ` [${oneLine(note)}]`}`;
    const value = recipe[field];
    const line =
      value === null
        ? `# ${field} = (not set; ${oneLine(allowedWords(field).replace(/ or none$/, ''))})`
        : `${field} = ${tomlValue(value)}`;
    return `${comment}\n${line}`;
  };
  const groups = fieldGroups.map(({ heading: name, fields }) => {
    const blocks = (Object.keys(fields) as RecipeField[]).map(blockOf);
    return `# ---- ${name} ----\n\n${blocks.join('\n')}`;
  });
  return `${[heading.map(line => `# ${oneLine(line)}`).join('\n'), ...groups].join('\n\n')}\n`;
}
