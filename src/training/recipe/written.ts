/** @file A file of settings as it was written: TOML or JSON, each key once, with the line where it stands. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { badInput, type LoraError, usageError } from '../../errors.ts';

/** Settings by the keys that they were written with. */
export interface Written {
  readonly values: Readonly<Record<string, unknown>>;
  /** Lines of the outermost keys, from 1. */
  readonly lines: ReadonlyMap<string, number>;
}

/** A recipe is a page; a file above this is something else. */
const mostBytes = 1_000_000;

function readBytes(path: string): Buffer {
  const handle = openSync(path, 'r');
  try {
    const { size } = fstatSync(handle);
    if (size > mostBytes) {
      const message = `${path} has ${(size / 1e6).toFixed(1)} MB; a recipe has at most ${mostBytes / 1e6} MB`;
      throw badInput('RECIPE_TOO_LARGE', message, 'Give the recipe, not a picture or a checkpoint.');
    }
    const bytes = Buffer.alloc(mostBytes + 1);
    const length = readSync(handle, bytes, 0, bytes.length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}

/** Text of a file of settings. Throws RECIPE_UNREADABLE, RECIPE_TOO_LARGE or RECIPE_NOT_TEXT. */
export function readSettingsText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readBytes(path);
  } catch (cause) {
    if (cause instanceof Error && 'exit' in cause) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badInput('RECIPE_UNREADABLE', `recipe ${path} cannot be read: ${why}`, 'Check the path.', cause);
  }
  return decodeSettings(bytes, path);
}

/** UTF-8 without null bytes; throws RECIPE_NOT_TEXT. */
export function decodeSettings(bytes: Uint8Array, path: string): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const hint = 'Save it as UTF-8 in your editor.';
  if (isUtf16) throw badInput('RECIPE_NOT_TEXT', `${path} is saved as UTF-16`, hint);
  const zero = bytes.indexOf(0);
  if (zero >= 0)
    throw badInput('RECIPE_NOT_TEXT', `${path} is not text: byte ${zero} is 0`, 'Give a TOML or JSON file.');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badInput('RECIPE_NOT_TEXT', `${path} is not UTF-8 text`, hint, cause);
  }
}

function twice(key: string, path: string, first: number | undefined, second: number): LoraError {
  const where = first === undefined ? `line ${second}` : `lines ${first} and ${second}`;
  return usageError('RECIPE_DUPLICATE', `${path} says ${key} twice (${where})`, 'Leave one of them out.');
}

/** Lines of the outermost keys of JSON; throws RECIPE_DUPLICATE for a key that comes twice in one object. */
function jsonLines(text: string, path: string): Map<string, number> {
  const lines = new Map<string, number>();
  const open: Map<string, number>[] = [];
  let line = 1;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]|\n/gs)) {
    if (token === '\n') line++;
    else if (token === '{' || token === '[') open.push(new Map());
    else if (token === '}' || token === ']') open.pop();
    else if (/^\s*:/.test(text.slice(index + token.length, index + token.length + 200))) {
      const key = JSON.parse(token) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) throw twice(key, path, keys.get(key), line);
      keys?.set(key, line);
      if (open.length === 1) lines.set(key, line);
    }
  }
  return lines;
}

function parseJson(text: string, path: string): Written {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const why = (cause as Error).message;
    throw usageError(
      'RECIPE_NOT_JSON',
      `${path} is not valid JSON: ${why}`,
      'Commas go between fields, not after the last one.',
    );
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw usageError('RECIPE_NOT_JSON', `${path} must hold one JSON object`, 'Write { "rank": 16 }.');
  }
  return { values: json as Record<string, unknown>, lines: jsonLines(text, path) };
}

/** Outermost keys and tables; what looks like one inside a long text does no harm: the first line counts. */
function tomlLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  let isInside = false;
  text.split('\n').forEach((line, i) => {
    const table = /^\s*\[\[?\s*"?([\w-]+)"?/.exec(line)?.[1];
    const key = table ?? (isInside ? undefined : /^\s*"?([\w-]+)"?\s*=/.exec(line)?.[1]);
    if (table !== undefined) isInside = true;
    if (key !== undefined && !lines.has(key)) lines.set(key, i + 1);
  });
  return lines;
}

/** Throws RECIPE_NOT_TOML with the line, or RECIPE_DUPLICATE. */
export function parseToml(text: string, path: string): Written {
  try {
    return { values: parse(text), lines: tomlLines(text) };
  } catch (cause) {
    const line = cause instanceof TomlError ? cause.line : 1;
    const why = (cause as Error).message.split('\n')[0].replace(/^Invalid TOML document: /, '');
    const shown = text.split('\n')[line - 1]?.trim().slice(0, 80) ?? '';
    if (/redefine|already defined|twice/i.test(why)) {
      const key = /^\[*\s*"?([\w-]+)/.exec(shown)?.[1] ?? shown;
      throw twice(key, path, tomlLines(text).get(key), line);
    }
    const hint = 'Texts stand in quotes, one field a line: caption = "a photo".';
    throw usageError('RECIPE_NOT_TOML', `${path} line ${line} is not valid TOML: ${why}: ${shown}`, hint);
  }
}

/** TOML or JSON: by the name of the file, else by how it begins. */
export function parseSettings(text: string, path: string): Written {
  const begins = text.trimStart()[0];
  const isJson = /\.json$/i.test(path) || begins === '{';
  return isJson ? parseJson(text, path) : parseToml(text, path);
}
