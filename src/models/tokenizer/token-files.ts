/** @file The files of a tokenizer folder: vocabulary and merges, as transformers writes them now and before. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../errors.ts';
import type { MergeRanks } from './byte-pairs.ts';

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const hint = 'The tokenizer folder is incomplete.';
    throw badInput('TOKENIZER_MISSING_FILE', `${path} cannot be read`, hint, cause);
  }
}

/** Reads and checks a JSON file; throws TOKENIZER_MISSING_FILE or TOKENIZER_INVALID. */
export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  const text = readText(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badInput('TOKENIZER_INVALID', `${path} is not valid JSON`, 'Fetch the file again.', cause);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [{ path: at, message }] = result.error.issues;
  throw badInput('TOKENIZER_INVALID', `${path}: ${[...at, message].join(': ')}`);
}

const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isPair = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.every(part => typeof part === 'string'));

/** Fifty thousand entries are looked at in one pass; a record schema would copy them. */
const vocabularySchema = z.custom<Readonly<Record<string, number>>>(
  value => typeof value === 'object' && value !== null && Object.values(value).every(isId),
  'must give every token a whole number',
);
const mergesSchema = z.custom<readonly (string | readonly string[])[]>(
  value => Array.isArray(value) && value.every(isPair),
  'must be pairs of tokens',
);
const fastSchema = z.object({ model: z.object({ vocab: vocabularySchema, merges: mergesSchema }) });

export interface TokenTables {
  /** Token → id. */
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly ranks: MergeRanks;
}

/** A merge to no token means that one of the two files is damaged. */
function rankMerges(
  pairs: readonly string[],
  vocabulary: ReadonlyMap<string, number>,
  path: string,
): MergeRanks {
  const ranks = new Map<string, number>();
  for (const pair of pairs) {
    if (!pair.includes(' ') || !vocabulary.has(pair.replace(' ', ''))) {
      const message = `${path}: the merge "${pair}" makes no token of the vocabulary`;
      throw badInput('TOKENIZER_INVALID', message, 'A file is damaged, or of another tokenizer.');
    }
    ranks.set(pair, ranks.size);
  }
  if (ranks.size === 0) throw badInput('TOKENIZER_INVALID', `${path} lists no merges`, 'Fetch it again.');
  return ranks;
}

/** Reads `vocab.json` and `merges.txt`, or `tokenizer.json`, which transformers 5 writes in their place. */
export function readTables(folder: string): TokenTables {
  const [slow, fast] = ['vocab.json', 'tokenizer.json'].map(name => join(folder, name));
  if (!existsSync(slow) && existsSync(fast)) {
    const { vocab, merges } = readJson(fast, fastSchema).model;
    const vocabulary = new Map(Object.entries(vocab));
    const pairs = merges.map(pair => (typeof pair === 'string' ? pair : pair.join(' ')));
    return { vocabulary, ranks: rankMerges(pairs, vocabulary, fast) };
  }
  const vocabulary = new Map(Object.entries(readJson(slow, vocabularySchema)));
  const path = join(folder, 'merges.txt');
  const lines = readText(path).split('\n').slice(1); // the first tells the version
  const pairs = lines.map(line => line.trimEnd()).filter(line => line !== '');
  return { vocabulary, ranks: rankMerges(pairs, vocabulary, path) };
}
