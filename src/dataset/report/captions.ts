/** @file A caption as the text encoder reads it: its tokens, chunk by chunk, and what is cut off. */
import type { ClipTokenizer } from '../../models/index.ts';

export interface CaptionFacts {
  /** Tokens that are read, as text; a space ends a word, and what begins within a letter is ''. */
  readonly tokens: readonly string[];
  /** How many are read at a time, start and end left out. */
  readonly perChunk: number;
  readonly chunks: number;
  /** Most tokens that are read. */
  readonly limit: number;
  /** The end of the caption that is not read. */
  readonly cut: string;
}

/** Reads a caption with the tokenizer of the base's first text encoder, as training does. */
export function readCaption(
  tokenizer: ClipTokenizer,
  caption: string,
  mostChunks: number,
  textsOf: (symbols: readonly string[]) => string[],
): CaptionFacts {
  const { ids, tokens, truncated } = tokenizer.encode(caption, mostChunks);
  const perChunk = tokenizer.maxTokens - 2;
  return {
    tokens: textsOf(tokens),
    perChunk,
    chunks: ids.length / tokenizer.maxTokens,
    limit: perChunk * mostChunks,
    cut: truncated.trim(),
  };
}

export interface WordKnowledge {
  /** Tokens that the word is made of; a word with one is known. */
  readonly tokens: number;
  /** Of a single token: 0 for the commonest of the vocabulary, 1 for the rarest. */
  readonly rank: number;
}

/** How a vocabulary knows a word. CLIP's ids are in order of merges, so of how common they were in its texts. */
export function lookUpWord(tokenizer: ClipTokenizer, word: string): WordKnowledge {
  const { ids, tokens } = tokenizer.encode(word);
  return { tokens: tokens.length, rank: tokens.length === 1 ? ids[1] / tokenizer.largestId : 1 };
}
