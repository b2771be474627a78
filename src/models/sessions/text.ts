/** @file Prompts and captions to text states, for every family. */

import type { Feed, Graph, Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint, TextPart } from '../checkpoint/checkpoint.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import { clipTextEncoder, pooledPlace, pooledTextEmbedding } from '../clip/text-encoder.ts';
import { type LayerHooks, openScope } from '../layers.ts';
import type { ClipTokenizer } from '../tokenizer/index.ts';

export interface TextStates {
  /** The states of all chunks, one after the other: [1, chunks · tokens, width] */
  readonly context: Tensor;
  /** SDXL only, of the first chunk: [1, projection] */
  readonly pooled: Tensor | undefined;
  /** What did not fit into the most chunks; empty when all did. */
  readonly truncated: string;
}

export interface EncodeOptions {
  /** Longer texts are cut; a chunk of SD's encoders is 75 tokens. One unless said. */
  readonly mostChunks?: number;
  /** Feeds of attached branches, by input name. */
  readonly others?: Readonly<Record<string, Tensor>>;
}

export interface TextConditioner {
  /** A long text is read in chunks, each by itself with its own start and end, as A1111 and sd-scripts do. */
  encode(text: string, options?: EncodeOptions): Promise<TextStates>;
  release(): Promise<void>;
}

/** Parts whose layers hooks may see: `text_encoder.…` and for SDXL `text_encoder_2.…`. */
type TextPartName = 'text_encoder' | 'text_encoder_2';

interface Encoder {
  readonly part: TextPart;
  readonly session: Session;
  readonly pools: boolean;
}

interface EncoderUse {
  readonly name: TextPartName;
  /** Conditions on the states before the last layer. */
  readonly penultimate: boolean;
  /** Gives the pooled text too. */
  readonly pools: boolean;
}

async function openEncoder(
  part: TextPart,
  { name, penultimate, pools }: EncoderUse,
  hooks: (graph: Graph) => LayerHooks,
  options: SessionOptions,
): Promise<Encoder> {
  const graph = f.createGraph();
  const scope = openScope(graph, part.weights, name, hooks(graph));
  const ids = f.input(graph, 'ids', [1, part.tokenizer.maxTokens], 'int64');
  const states = clipTextEncoder(scope, part.config, ids);
  f.output('context', penultimate ? states.penultimate : states.last);
  if (pools) f.output('pooled', pooledTextEmbedding(scope, states.last, f.input(graph, 'end', [1], 'int64')));
  return { part, session: await f.openSession(graph, options), pools };
}

/** One encoder's states of one chunk. */
async function runEncoder(
  { part, session, pools }: Encoder,
  ids: readonly number[],
  others: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const feeds: Record<string, Feed> = {
    ...others,
    ids: { shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
  };
  if (pools) feeds.end = { shape: [1], data: BigInt64Array.of(BigInt(pooledPlace(ids, part.config))) };
  const result = await session.run(feeds);
  blameWeights(Object.values(result), part.weights);
  return result;
}

/** Joins [1, a, width], [1, b, width] … to [1, a + b + …, width]. */
function joinTokens(parts: readonly Tensor[]): Tensor {
  const [, , width] = parts[0].shape;
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let start = 0;
  for (const part of parts) {
    data.set(part.data, start);
    start += part.data.length;
  }
  return { shape: [1, data.length / width, width], data };
}

/** States with those of the empty text after them, up to `tokens`: batches need the same length (as A1111 does). */
export function padText(text: TextStates, empty: TextStates, tokens: number): TextStates {
  const missing = (tokens - text.context.shape[1]) / empty.context.shape[1];
  if (missing === 0) return text;
  const context = joinTokens([text.context, ...Array.from({ length: missing }, () => empty.context)]);
  return { ...text, context };
}

/** Chunks of a text, as many as the longest of several tokenizers makes of it. */
function chunksOf(tokenizer: ClipTokenizer, text: string, count: number): number[][] {
  const { ids } = tokenizer.encode(text, count);
  while (ids.length < count * tokenizer.maxTokens) ids.push(...tokenizer.encode('').ids);
  return Array.from({ length: count }, (_, i) =>
    ids.slice(i * tokenizer.maxTokens, (i + 1) * tokenizer.maxTokens),
  );
}

/** Joins [1, tokens, a] and [1, tokens, b] to [1, tokens, a + b]. */
function joinWidths(a: Tensor, b: Tensor): Tensor {
  const [, tokens, widthA] = a.shape;
  const widthB = b.shape[2];
  const data = new Float32Array(tokens * (widthA + widthB));
  for (let i = 0; i < tokens; i++) {
    data.set(a.data.subarray(i * widthA, (i + 1) * widthA), i * (widthA + widthB));
    data.set(b.data.subarray(i * widthB, (i + 1) * widthB), i * (widthA + widthB) + widthA);
  }
  return { shape: [1, tokens, widthA + widthB], data };
}

/** Opens the text encoder(s) of a checkpoint; `hooks` may attach branches to their layers. */
export async function openTextConditioner(
  checkpoint: Checkpoint,
  options: SessionOptions = {},
  hooks: (graph: Graph, part: TextPartName) => LayerHooks = () => ({}),
): Promise<TextConditioner> {
  const { textEncoder, textEncoder2 } = checkpoint;
  const penultimate = checkpoint.family === 'sdxl';
  const open = (part: TextPart, name: TextPartName, pools: boolean): Promise<Encoder> =>
    openEncoder(part, { name, penultimate, pools }, graph => hooks(graph, name), options);
  const encoders = [await open(textEncoder, 'text_encoder', false)];
  if (textEncoder2) encoders.push(await open(textEncoder2, 'text_encoder_2', true));
  return {
    async encode(text, { mostChunks = 1, others = {} } = {}) {
      const encoded = encoders.map(({ part }) => part.tokenizer.encode(text, mostChunks));
      const count = Math.max(
        ...encoded.map(({ ids }, i) => ids.length / encoders[i].part.tokenizer.maxTokens),
      );
      const contexts: Tensor[] = [];
      let pooled: Tensor | undefined;
      for (const encoder of encoders) {
        const results: Record<string, Tensor>[] = [];
        for (const ids of chunksOf(encoder.part.tokenizer, text, count))
          results.push(await runEncoder(encoder, ids, others));
        contexts.push(joinTokens(results.map(({ context }) => context)));
        pooled ??= results[0].pooled;
      }
      return { context: contexts.reduce(joinWidths), pooled, truncated: encoded[0].truncated };
    },
    async release() {
      for (const { session } of encoders) await session.release();
    },
  };
}
