/** @file CLIP's tokenizer from a Diffusers tokenizer folder, equal to transformers' CLIPTokenizer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../errors.ts';
import { byteAlphabet, mergeWord } from './byte-pairs.ts';

export interface Encoded {
  /** With start and end token, padded to the limit. */
  readonly ids: number[];
  /** Text tokens as symbols, without start, end and padding. */
  readonly tokens: string[];
  /** The text of the tokens that did not fit; empty when all did. */
  readonly truncated: string;
}

export interface ClipTokenizer {
  /** Start and end token included. */
  readonly maxTokens: number;
  encode(text: string): Encoded;
}

/** A special token is given as text or as an object with its text. */
const token = z.union([z.string(), z.object({ content: z.string() }).transform(value => value.content)]);
const configSchema = z.object({
  model_max_length: z.number().positive().default(77),
  bos_token: token.default('<|startoftext|>'),
  eos_token: token.default('<|endoftext|>'),
  pad_token: token.default('<|endoftext|>'),
});
const vocabularySchema = z.record(z.string(), z.number().int().nonnegative());

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw badInput(
      'TOKENIZER_MISSING_FILE',
      `${path} cannot be read`,
      'The tokenizer folder is incomplete.',
      cause,
    );
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(readText(path));
  } catch (cause) {
    if ((cause as { code?: string }).code === 'TOKENIZER_MISSING_FILE') throw cause;
    throw badInput('TOKENIZER_INVALID', `${path} is not valid JSON`, undefined, cause);
  }
  const result = schema.safeParse(json);
  if (!result.success) throw badInput('TOKENIZER_INVALID', `${path}: ${result.error.issues[0].message}`);
  return result.data;
}

/** CLIP's split into words: contractions, letters, single digits, runs of anything else. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** As the `tokenizers` library: Unicode's white space, not JavaScript's; lower case without context (Σ is always σ). */
function normalize(text: string): string {
  const spaced = text.normalize('NFC').replace(/\p{White_Space}+/gu, ' ');
  return Array.from(spaced, character => character.toLowerCase()).join('');
}

/** Opens `vocab.json`, `merges.txt` and `tokenizer_config.json`; throws TOKENIZER_* for what is wrong with them. */
export function openTokenizer(folder: string): ClipTokenizer {
  const vocabulary = new Map(Object.entries(readJson(join(folder, 'vocab.json'), vocabularySchema)));
  const config = readJson(join(folder, 'tokenizer_config.json'), configSchema);
  const lines = readText(join(folder, 'merges.txt')).split('\n').slice(1);
  const ranks = new Map(lines.filter(line => line.includes(' ')).map((line, rank) => [line.trimEnd(), rank]));
  const alphabet = byteAlphabet();
  const byteOf = new Map([...alphabet].map(([byte, character]) => [character, byte]));
  const idOf = (symbol: string): number => {
    const id = vocabulary.get(symbol);
    if (id === undefined)
      throw badInput('TOKENIZER_INVALID', `${folder}/vocab.json has no entry for ${symbol}`);
    return id;
  };
  const [start, end, pad] = [config.bos_token, config.eos_token, config.pad_token].map(idOf);
  const maxTokens = config.model_max_length > 1e6 ? 77 : config.model_max_length;
  const cache = new Map<string, string[]>();

  const splitWord = (word: string): string[] => {
    let symbols = cache.get(word);
    if (!symbols) {
      const bytes = [...new TextEncoder().encode(word)].map(byte => alphabet.get(byte)).join('');
      symbols = mergeWord(bytes, ranks);
      cache.set(word, symbols);
    }
    return symbols;
  };
  // Special tokens are taken out of the text as it was typed, in their own case only. The pad token is not: SD 2's
  // is `!`, which stays a word in OpenCLIP and A1111 (transformers makes padding of it).
  const specials = [config.bos_token, config.eos_token].map(text =>
    text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
  );
  const specialPattern = new RegExp(`(${specials.join('|')})`);
  const splitText = (text: string): string[] =>
    text
      .split(specialPattern)
      .flatMap((part, i) =>
        i % 2 === 1 ? [part] : (normalize(part).match(wordPattern) ?? []).flatMap(splitWord),
      );
  const toText = (symbols: readonly string[]): string => {
    const joined = symbols.join('').replaceAll('</w>', ' ').trim();
    return new TextDecoder().decode(
      Uint8Array.from([...joined], c => (c === ' ' ? 0x20 : (byteOf.get(c) ?? 0x3f))),
    );
  };
  return {
    maxTokens,
    encode(text) {
      const symbols = splitText(text);
      const kept = symbols.slice(0, maxTokens - 2);
      const ids = [start, ...kept.map(symbol => vocabulary.get(symbol) ?? end), end];
      while (ids.length < maxTokens) ids.push(pad);
      return { ids, tokens: kept, truncated: toText(symbols.slice(kept.length)) };
    },
  };
}
