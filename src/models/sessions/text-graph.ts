/** @file Text encoders in a graph: which a checkpoint has, what its UNet reads of each, and what texts feed them. */

import type { Feed, Graph, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint, TextPart } from '../checkpoint/checkpoint.ts';
import { clipTextEncoder, pooledPlace, pooledTextEmbedding } from '../clip/text-encoder.ts';
import { type LayerHooks, openScope } from '../layers.ts';

/** Parts whose layers hooks may see: `text_encoder.…` and for SDXL `text_encoder_2.…`. */
export type TextPartName = 'text_encoder' | 'text_encoder_2';

/** A text encoder, and what the UNet reads of it. */
export interface EncoderUse {
  readonly name: TextPartName;
  readonly part: TextPart;
  /** The states before the last layer. */
  readonly penultimate: boolean;
  /** The pooled text too. */
  readonly pools: boolean;
}

/** What tells how a checkpoint reads texts; a UNet alone has no encoders. */
export type TextSource = Partial<Pick<Checkpoint, 'family' | 'textEncoder' | 'textEncoder2'>>;

/** The text encoders of a checkpoint in the order in which their states lie side by side. */
export function encoderUses({ family, textEncoder, textEncoder2 }: TextSource): EncoderUse[] {
  const penultimate = family === 'sdxl';
  const use = (name: TextPartName, part: TextPart | undefined, pools: boolean): EncoderUse[] =>
    part ? [{ name, part, penultimate, pools }] : [];
  return [...use('text_encoder', textEncoder, false), ...use('text_encoder_2', textEncoder2, true)];
}

/** A text as one encoder reads it. */
export interface TokenizedText {
  /** Ids of each chunk, with start, end and padding. */
  readonly chunks: readonly (readonly number[])[];
  /** Place in the first chunk whose state is pooled; undefined for encoders that do not pool. */
  readonly end: number | undefined;
}

/** Cuts a text into chunks, as many for every encoder as the longest of their tokenizers makes of it. */
export function tokenizeText(
  uses: readonly EncoderUse[],
  text: string,
  mostChunks: number,
): { readonly tokens: ReadonlyMap<TextPartName, TokenizedText>; readonly truncated: string } {
  const encoded = uses.map(({ part }) => part.tokenizer.encode(text, mostChunks));
  const count = Math.max(...encoded.map(({ ids }, i) => ids.length / uses[i].part.tokenizer.maxTokens));
  const tokens = uses.map((use, i) => {
    const { tokenizer } = use.part;
    const { ids } = encoded[i];
    while (ids.length < count * tokenizer.maxTokens) ids.push(...tokenizer.encode('').ids);
    const chunks = Array.from({ length: count }, (_, c) =>
      ids.slice(c * tokenizer.maxTokens, (c + 1) * tokenizer.maxTokens),
    );
    return [use.name, chunksFor(use, chunks)] as const;
  });
  return { tokens: new Map(tokens), truncated: encoded[0].truncated };
}

/** Chunks as a text of their own. */
export function chunksFor(
  { part, pools }: EncoderUse,
  chunks: readonly (readonly number[])[],
): TokenizedText {
  return { chunks, end: pools ? pooledPlace(chunks[0], part.config) : undefined };
}

/** A text with chunks of the empty one after it, up to `count`. */
export function padChunks(
  { chunks, end }: TokenizedText,
  empty: TokenizedText,
  count: number,
): TokenizedText {
  const missing = (count - chunks.length) / empty.chunks.length;
  return { chunks: [...chunks, ...Array.from({ length: missing }, () => empty.chunks).flat()], end };
}

export interface TextSize {
  readonly batch: number;
  /** Of all chunks of a text together. */
  readonly tokens: number;
}

export interface TextValues {
  /** [n, tokens, width] */
  readonly context: Value;
  /** [n, projection] */
  readonly pooled: Value | undefined;
}

/** Declares an encoder's inputs `<name>.ids` [n·chunks, tokens] and `<name>.ends` [n], and builds it. */
export function buildEncoder(
  graph: Graph,
  { name, part, penultimate, pools }: EncoderUse,
  { batch, tokens }: TextSize,
  hooks: LayerHooks = {},
): TextValues {
  const scope = openScope(graph, part.weights, name, hooks);
  const { maxTokens } = part.tokenizer;
  const ids = f.input(graph, `${name}.ids`, [(batch * tokens) / maxTokens, maxTokens], 'int64');
  const states = clipTextEncoder(scope, part.config, ids);
  const read = penultimate ? states.penultimate : states.last;
  const context = f.reshape(read, [batch, tokens, part.config.hiddenSize]);
  const ends = pools ? f.input(graph, `${name}.ends`, [batch], 'int64') : undefined;
  return { context, pooled: ends && pooledTextEmbedding(scope, states.last, ends) };
}

/** Feeds of `buildEncoder` for a batch of texts of the same number of chunks. */
export function encoderFeeds(name: TextPartName, texts: readonly TokenizedText[]): Record<string, Feed> {
  const rows = texts.flatMap(({ chunks }) => chunks);
  const ids = { shape: [rows.length, rows[0].length], data: BigInt64Array.from(rows.flat(), BigInt) };
  const perText = rows.flat().length / texts.length;
  const ends = texts.flatMap(({ end }, i) => (end === undefined ? [] : [BigInt(i * perText + end)]));
  if (ends.length === 0) return { [`${name}.ids`]: ids };
  return {
    [`${name}.ids`]: ids,
    [`${name}.ends`]: { shape: [ends.length], data: BigInt64Array.from(ends) },
  };
}

/**
 * What the UNet reads of a text, where some encoders are in the graph: those of `inside` are built, the states of the
 * others are the input `context` [n, tokens, width].
 */
export function buildText(
  graph: Graph,
  uses: readonly EncoderUse[],
  inside: ReadonlySet<TextPartName>,
  size: TextSize,
  hooks: LayerHooks = {},
): TextValues {
  const others = uses.filter(({ name }) => !inside.has(name));
  const width = others.reduce((sum, { part }) => sum + part.config.hiddenSize, 0);
  const given = width > 0 ? f.input(graph, 'context', [size.batch, size.tokens, width]) : undefined;
  // Of two encoders at most one is outside.
  const built = uses.map(use => (inside.has(use.name) ? buildEncoder(graph, use, size, hooks) : undefined));
  const contexts = built.map(values => values?.context ?? (given as Value));
  return { context: f.concat(contexts, 2), pooled: built.find(values => values?.pooled)?.pooled };
}
