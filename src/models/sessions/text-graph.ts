/** @file Text encoders in a graph: which a checkpoint has, what its UNet reads of each, and what texts feed them. */

import type { Feed, Graph, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import { usageError } from '../../errors.ts';
import type { Checkpoint, TextPart } from '../checkpoint/checkpoint.ts';
import {
  clipTextEncoder,
  type NewWordInputs,
  pooledPlace,
  pooledTextEmbedding,
} from '../clip/text-encoder.ts';
import { type LayerHooks, openScope } from '../layers.ts';
import type { NewWord } from '../tokenizer/index.ts';

/** Parts whose layers hooks may see: `text_encoder.…` and for SDXL `text_encoder_2.…`. */
export type TextPartName = 'text_encoder' | 'text_encoder_2';

/** A text encoder, and what the UNet reads of it. */
export interface EncoderUse {
  readonly name: TextPartName;
  readonly part: TextPart;
  /** How many of the last layers are left out. */
  readonly skippedLayers: number;
  /** The final norm is applied to the states. */
  readonly norm: boolean;
  /** The pooled text too. */
  readonly pools: boolean;
}

/** What tells how a checkpoint reads texts; a UNet alone has no encoders. */
export type TextSource = Partial<Pick<Checkpoint, 'family' | 'textEncoder' | 'textEncoder2'>>;

/**
 * Where SDXL's states come from, as the number of clip skip grows: always from before the last layer (A1111); by the same
 * count as in SD 1.x, in which that is 2 (ComfyUI, Forge); or one layer earlier for each step of it (diffusers).
 */
export type SdxlClipSkip = 'fixed' | 'counted' | 'further';

export interface LayerChoice {
  /** A1111's count: 1 is the last layer, 2 the one before. */
  readonly clipSkip: number;
  readonly sdxl: SdxlClipSkip;
}

const sdxlSkipped: Record<SdxlClipSkip, (clipSkip: number) => number> = {
  fixed: () => 1,
  counted: clipSkip => Math.max(clipSkip, 2) - 1,
  further: clipSkip => clipSkip,
};

function skippedLayers(
  part: TextPart,
  family: Checkpoint['family'] | undefined,
  choice: LayerChoice,
): number {
  const { clipSkip, sdxl } = choice;
  const skipped = family === 'sdxl' ? sdxlSkipped[sdxl](clipSkip) : clipSkip - 1;
  const { layers } = part.config;
  if (Number.isInteger(skipped) && skipped >= 0 && skipped < layers) return skipped;
  throw usageError(
    'CLIP_SKIP_INVALID',
    `clip skip ${clipSkip} leaves out ${skipped} layers of a text encoder that has ${layers}`,
    'Clip skip 1 reads the last layer, 2 the one before; most models were made for one of the two.',
  );
}

/**
 * The text encoders of a checkpoint in the order in which their states lie side by side. Throws CLIP_SKIP_INVALID where
 * an encoder has too few layers.
 */
export function encoderUses(
  { family, textEncoder, textEncoder2 }: TextSource,
  choice: LayerChoice = { clipSkip: 1, sdxl: 'fixed' },
): EncoderUse[] {
  const use = (name: TextPartName, part: TextPart | undefined, pools: boolean): EncoderUse[] =>
    part
      ? [{ name, part, skippedLayers: skippedLayers(part, family, choice), norm: family !== 'sdxl', pools }]
      : [];
  return [...use('text_encoder', textEncoder, false), ...use('text_encoder_2', textEncoder2, true)];
}

/** The same encoders, reading these words too; their vectors are inputs of the graph (`newWordsName`). */
export function withNewWords<Source extends TextSource>(source: Source, words: readonly NewWord[]): Source {
  const knowing = <P extends TextPart | undefined>(part: P): P =>
    part && { ...part, tokenizer: part.tokenizer.withWords(words, part.config.vocabularySize) };
  const { textEncoder, textEncoder2 } = source;
  return { ...source, textEncoder: knowing(textEncoder), textEncoder2: knowing(textEncoder2) };
}

/** A text as one encoder reads it. */
export interface TokenizedText {
  /** Ids of each chunk, with start, end and padding. */
  readonly chunks: readonly (readonly number[])[];
  /** Place in the first chunk whose state is pooled; undefined for encoders that do not pool. */
  readonly end: number | undefined;
  /** Ids from here on are of new words, which have rows of their own; undefined without them. */
  readonly newFrom: number | undefined;
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
  const newFrom = part.tokenizer.newIds?.from;
  const known = chunks[0].map(id => (newFrom !== undefined && id >= newFrom ? 0 : id));
  return { chunks, end: pools ? pooledPlace(known, part.config) : undefined, newFrom };
}

/** A text with chunks of the empty one after it, up to `count`. */
export function padChunks(
  { chunks, ...rest }: TokenizedText,
  empty: TokenizedText,
  count: number,
): TokenizedText {
  const missing = (count - chunks.length) / empty.chunks.length;
  return { ...rest, chunks: [...chunks, ...Array.from({ length: missing }, () => empty.chunks).flat()] };
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
  /** Vectors of new words by the name of their input, `<encoder>.new_words`. [count, width] */
  readonly newWords: ReadonlyMap<string, Value>;
}

/** What the vectors of an encoder's new words are fed as, one row an id. */
export const newWordsName = (name: TextPartName): string => `${name}.new_words`;

/** Declares what tells new words from others, and their vectors. */
function declareNewWords(
  graph: Graph,
  { name, part }: Pick<EncoderUse, 'name' | 'part'>,
  rows: number,
): NewWordInputs | undefined {
  const { newIds, maxTokens } = part.tokenizer;
  if (!newIds) return undefined;
  return {
    vectors: f.input(graph, newWordsName(name), [newIds.count, part.config.hiddenSize]),
    rows: f.input(graph, `${name}.new_rows`, [rows, maxTokens], 'int64'),
    places: f.input(graph, `${name}.new_places`, [rows, maxTokens, 1]),
  };
}

/**
 * Declares an encoder's inputs `<name>.ids` [n·chunks, tokens] and `<name>.ends` [n], where its tokenizer knows new words
 * theirs too, and builds it.
 */
export function buildEncoder(
  graph: Graph,
  { name, part, skippedLayers, norm, pools }: EncoderUse,
  { batch, tokens }: TextSize,
  hooks: LayerHooks = {},
): TextValues {
  const scope = openScope(graph, part.weights, name, hooks);
  const { maxTokens } = part.tokenizer;
  const rows = (batch * tokens) / maxTokens;
  const ids = f.input(graph, `${name}.ids`, [rows, maxTokens], 'int64');
  const added = declareNewWords(graph, { name, part }, rows);
  const states = clipTextEncoder(scope, part.config, ids, added);
  const read = states.before(skippedLayers, { norm });
  const context = f.reshape(read, [batch, tokens, part.config.hiddenSize]);
  const ends = pools ? f.input(graph, `${name}.ends`, [batch], 'int64') : undefined;
  const newWords = new Map(added ? [[newWordsName(name), added.vectors]] : []);
  return { context, pooled: ends && pooledTextEmbedding(scope, states.last, ends), newWords };
}

/** Feeds of `buildEncoder` for a batch of texts of the same number of chunks. */
export function encoderFeeds(name: TextPartName, texts: readonly TokenizedText[]): Record<string, Feed> {
  const rows = texts.flatMap(({ chunks }) => chunks);
  const { newFrom } = texts[0];
  const isNew = (id: number): boolean => newFrom !== undefined && id >= newFrom;
  const ids = rows.flat();
  const shape = [rows.length, rows[0].length];
  const int64 = (values: readonly number[]): Feed => ({ shape, data: BigInt64Array.from(values, BigInt) });
  const perText = ids.length / texts.length;
  const ends = texts.flatMap(({ end }, i) => (end === undefined ? [] : [BigInt(i * perText + end)]));
  return {
    [`${name}.ids`]: int64(ids.map(id => (isNew(id) ? 0 : id))),
    ...(ends.length > 0
      ? { [`${name}.ends`]: { shape: [ends.length], data: BigInt64Array.from(ends) } }
      : {}),
    ...(newFrom === undefined
      ? {}
      : {
          [`${name}.new_rows`]: int64(ids.map(id => (isNew(id) ? id - newFrom : 0))),
          [`${name}.new_places`]: {
            shape: [...shape, 1],
            data: Float32Array.from(ids, id => (isNew(id) ? 1 : 0)),
          },
        }),
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
  return {
    context: f.concat(contexts, 2),
    pooled: built.find(values => values?.pooled)?.pooled,
    newWords: new Map(built.flatMap(values => [...(values?.newWords ?? [])])),
  };
}
