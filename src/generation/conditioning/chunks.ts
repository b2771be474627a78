/** @file Weighted text to the chunks of tokens that a text encoder reads one at a time. */
import type { ClipTokenizer, ReadWord } from '../../models/index.ts';
import type { WeightedText } from '../prompt/weighted-text.ts';

/** A chunk for one encoder. */
export interface TokenChunk {
  /** With start, end and padding. */
  readonly ids: readonly number[];
  /** Of each id; 1 for start, end and padding. */
  readonly weights: readonly number[];
  /** Of the text's own tokens. */
  readonly symbols: readonly string[];
}

/**
 * How tokens go into chunks: A1111 goes back to a comma that is not far from the end of a full one; ComfyUI keeps a short
 * weighted piece together; else chunks are filled to the last token.
 */
export type ChunkRule = 'a1111' | 'comfy' | 'full';

interface Token {
  readonly id: number;
  readonly symbol: string;
  readonly weight: number;
}

/** So many tokens may be moved to the next chunk with what is before the comma left behind (A1111's default). */
const commaReach = 20;
/** ComfyUI breaks pieces of so many tokens; shorter ones begin a new chunk where they do not fit. */
const breakable = 8;

function finish(tokens: readonly Token[], { startId, endId, padId, maxTokens }: ClipTokenizer): TokenChunk {
  const padding = maxTokens - 2 - tokens.length;
  const ids = [startId, ...tokens.map(({ id }) => id), endId, ...Array<number>(padding).fill(padId)];
  const weights = [1, ...tokens.map(({ weight }) => weight), 1, ...Array<number>(padding).fill(1)];
  return { ids, weights, symbols: tokens.map(({ symbol }) => symbol) };
}

/** The chunk of no text. */
export const emptyChunk = (tokenizer: ClipTokenizer): TokenChunk => finish([], tokenizer);

const tokensOf = ({ ids, symbols }: ReadWord, weight: number): Token[] =>
  ids.map((id, i) => ({ id, symbol: symbols[i], weight }));

/** Fills chunks as A1111 does (`tokenize_line`); `reach` 0 never goes back to a comma. */
function fillInOrder(tokenizer: ClipTokenizer, pieces: readonly WeightedText[], reach: number): Token[][] {
  const inside = tokenizer.maxTokens - 2;
  const chunks: Token[][] = [];
  let chunk: Token[] = [];
  let lastComma = -1;
  const next = (): void => {
    chunks.push(chunk);
    chunk = [];
    lastComma = -1;
  };
  const makeRoom = (id: number): void => {
    if (id === tokenizer.commaId) lastComma = chunk.length;
    else if (chunk.length === inside && lastComma >= 0 && inside - lastComma <= reach) {
      const moved = chunk.splice(lastComma + 1);
      next();
      chunk = moved;
    }
    if (chunk.length === inside) next();
  };
  for (const { text, weight, isBreak } of pieces) {
    if (isBreak) {
      next();
      continue;
    }
    for (const word of tokenizer.readWords(text)) {
      const tokens = tokensOf(word, weight);
      // The vectors of a new word stay together where they can.
      if (word.isNew) makeRoom(tokens[0].id);
      if (word.isNew && chunk.length + tokens.length > inside && chunk.length > 0) next();
      for (const token of tokens) {
        makeRoom(token.id);
        chunk.push(token);
      }
    }
  }
  if (chunk.length > 0 || chunks.length === 0) next();
  return chunks;
}

/** ComfyUI's way to write a new word. */
const comfyEmbedding = /(?<=\s|^)embedding:(\S+)/g;

/** A file is known by all of `embedding:name`, a LoRA's own word by its name. */
const withoutPrefixes = (tokenizer: ClipTokenizer, text: string): string =>
  text.replace(comfyEmbedding, (whole: string, name: string) =>
    tokenizer.readWords(whole)[0]?.isNew ? whole : name,
  );

/** Pieces of one weight; a new word is one of its own. */
function comfyGroups(tokenizer: ClipTokenizer, { text, weight }: WeightedText): Token[][] {
  const words = tokenizer.readWords(tokenizer.newIds ? withoutPrefixes(tokenizer, text) : text);
  const groups: Token[][] = [];
  let wasNew = true;
  for (const word of words) {
    if (word.isNew || wasNew) groups.push([]);
    for (const token of tokensOf(word, weight)) groups[groups.length - 1].push(token);
    wasNew = word.isNew;
  }
  return groups;
}

/** Fills chunks as ComfyUI does (`SDTokenizer.tokenize_with_weights`). */
function fillByGroups(tokenizer: ClipTokenizer, pieces: readonly WeightedText[]): Token[][] {
  const inside = tokenizer.maxTokens - 2;
  const chunks: Token[][] = [[]];
  for (const piece of pieces) {
    for (const group of comfyGroups(tokenizer, piece)) {
      const breaks = group.length >= breakable;
      for (let at = 0; at < group.length; ) {
        const chunk = chunks[chunks.length - 1];
        const room = inside - chunk.length;
        const fits = group.length - at <= room;
        if (fits || breaks || chunk.length === 0)
          for (const token of group.slice(at, at + room)) chunk.push(token);
        if (fits) break;
        if (breaks || chunk.length === inside) at += room;
        chunks.push([]);
      }
    }
  }
  return chunks;
}

/** Chunks of one encoder, at least one. */
export function fillChunks(
  tokenizer: ClipTokenizer,
  pieces: readonly WeightedText[],
  rule: ChunkRule,
): TokenChunk[] {
  const chunks =
    rule === 'comfy'
      ? fillByGroups(tokenizer, pieces)
      : fillInOrder(tokenizer, pieces, rule === 'a1111' ? commaReach : 0);
  return chunks.map(tokens => finish(tokens, tokenizer));
}
