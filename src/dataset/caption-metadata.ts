/**
 * @file Captions of many pictures in one file: Hugging Face's `metadata.jsonl` (file_name, text), sd-scripts' JSONL
 * (image_path, caption, tags) and its JSON ({ path: { caption, tags } }); and the JSON file of a single picture.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import { badInput } from '../errors.ts';
import { type DatasetWarning, firstLine } from './findings.ts';
import type { FoundFile } from './folder-walk.ts';
import type { DrawRules } from './picture-rules.ts';

type Rules = Pick<DrawRules, 'wildcards' | 'tagSeparator'>;

const entrySchema = z.looseObject({
  caption: z.string().nullish(),
  text: z.string().nullish(),
  tags: z.union([z.string(), z.array(z.string())]).nullish(),
});
const lineSchema = entrySchema.extend({
  file_name: z.string().min(1).optional(),
  image_path: z.string().min(1).optional(),
});

/** sd-scripts' rule: tags after the caption; with wildcards after each of its lines. */
function textOf({ caption, text, tags }: z.infer<typeof entrySchema>, rules: Rules): string | undefined {
  const { tagSeparator, wildcards } = rules;
  const words = caption ?? text ?? undefined;
  const listed = typeof tags === 'string' ? tags : tags?.join(`${tagSeparator} `);
  if (!listed) return words;
  if (!words?.trim()) return wildcards ? listed.replaceAll('\n', tagSeparator) : listed;
  if (!wildcards) return `${words}${tagSeparator}${listed}`;
  const lines = words.split('\n').filter(line => line.trim() !== '');
  return lines.map(line => `${line}${tagSeparator}${listed.replaceAll('\n', tagSeparator)}`).join('\n');
}

function invalid(path: string, why: string, cause?: unknown): Error {
  const hint =
    'Each entry wants "caption", "text" or "tags"; lines of .jsonl also "file_name" or "image_path".';
  return badInput('METADATA_INVALID', `${path}: ${why}`, hint, cause);
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(where, `not valid JSON: ${firstLine(error)}`, error);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw invalid(where, `${path.join('.') || 'entry'}: ${message}`);
}

/** The caption in the JSON file of one picture; undefined when it speaks of something else. */
export function parseCaptionJson(text: string, path: string, rules: Rules): string | undefined {
  const value = parse(text, path);
  if (typeof value === 'string') return value;
  const entry = entrySchema.safeParse(value);
  return entry.success ? textOf(entry.data, rules) : undefined;
}

export interface MetadataEntry {
  /** The picture as the file names it. */
  key: string;
  /** Undefined when the entry has none. */
  text: string | undefined;
}

function parseLines(text: string, path: string, rules: Rules): MetadataEntry[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const where = `${path}, line ${index + 1}`;
    const entry = check(lineSchema, parse(line, where), where);
    const key = entry.file_name ?? entry.image_path;
    if (key === undefined) throw invalid(where, 'there is neither file_name nor image_path');
    return [{ key, text: textOf(entry, rules) }];
  });
}

function parseWhole(text: string, path: string, rules: Rules): MetadataEntry[] {
  const value = check(z.record(z.string(), z.unknown()), parse(text, path), path);
  return Object.entries(value).map(([key, entry]) => ({
    key,
    text: textOf(check(entrySchema, entry, `${path}, ${key}`), rules),
  }));
}

const mostMetadataBytes = 256 * 1024 ** 2;

/** Reads a metadata file of either form. */
export async function readMetadata(path: string, rules: Rules): Promise<MetadataEntry[]> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > mostMetadataBytes) throw new Error(`it has ${size} bytes; the limit is ${mostMetadataBytes}`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    throw badInput('METADATA_UNREADABLE', `${path} cannot be read: ${firstLine(error)}`, undefined, error);
  }
  const parseText = extname(path).toLowerCase() === '.jsonl' ? parseLines : parseWhole;
  return parseText(text, path, rules);
}

/** `metadata.jsonl`, `metadata.json`, and what sd-scripts' tools write: `meta_cap.json`, `meta_clean.json`, … */
export const isMetadataName = (name: string): boolean =>
  /^meta(data\.jsonl?|data_\w+\.json|_\w+\.json)$/i.test(name);

/** One spelling for a path: keys come from other systems, and from systems that write é as two characters. */
const spelled = (path: string): string => resolve(path).normalize('NFC');

const withoutExtension = (path: string): string => path.slice(0, path.length - extname(path).length);

export interface MetadataCaptions {
  /** What is said of a picture, which then counts as claimed. */
  claim(picture: FoundFile): { text: string; path: string } | undefined;
  /** Reports the entries that no picture has claimed, and those that contradict each other. */
  report(warnings: DatasetWarning[]): void;
}

/** Reads the metadata files among `files`; what they name is looked for beside them, or in the folder that is given. */
export async function openMetadata(
  files: readonly FoundFile[],
  rules: Rules,
  folder?: string,
): Promise<MetadataCaptions> {
  const found = new Map<string, { text: string | undefined; path: string; key: string }>();
  const twice: { key: string; paths: [string, string] }[] = [];
  const claimed = new Set<string>();
  for (const { path, name } of files) {
    if (folder === undefined && !isMetadataName(name)) continue;
    for (const { key, text } of await readMetadata(path, rules)) {
      const place = spelled(resolve(folder ?? dirname(path), key.replaceAll('\\', '/')));
      const earlier = found.get(place);
      if (!earlier) found.set(place, { text, path, key });
      else if (earlier.text !== text) twice.push({ key, paths: [earlier.path, path] });
    }
  }
  return {
    claim({ path }) {
      const place = spelled(path);
      // sd-scripts' older files name pictures without their extension.
      const known = [place, withoutExtension(place)].find(name => found.has(name));
      if (known === undefined) return undefined;
      claimed.add(known);
      const { text, path: file } = found.get(known) as { text: string | undefined; path: string };
      return text === undefined ? undefined : { text, path: file };
    },
    report(warnings) {
      for (const {
        key,
        paths: [used, other],
      } of twice) {
        const message = `${used} and ${other} differ about ${key}; the caption of ${used} is used`;
        warnings.push({ code: 'CAPTION_TWO_FILES', message, path: other });
      }
      const lost = new Map<string, string[]>();
      for (const [place, { path, key }] of found) {
        if (!claimed.has(place)) lost.set(path, [...(lost.get(path) ?? []), key]);
      }
      for (const [path, keys] of lost) {
        const shown = keys.slice(0, 3).map(key => basename(key));
        const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : '';
        const message = `${path} speaks of pictures that are not there: ${shown.join(', ')}${more}`;
        warnings.push({ code: 'METADATA_WITHOUT_PICTURE', message, path });
      }
    },
  };
}
