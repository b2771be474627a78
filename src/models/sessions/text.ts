/** @file Prompts and captions to text states, for every family. */

import type { Graph, Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import type { LayerHooks } from '../layers.ts';
import {
  buildEncoder,
  chunksFor,
  type EncoderUse,
  encoderFeeds,
  encoderUses,
  type LayerChoice,
  type TextPartName,
  type TextSource,
  tokenizeText,
} from './text-graph.ts';

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

/** One chunk's states, encoder by encoder. */
export interface ChunkStates {
  /** Each [1, tokens, width]. */
  readonly states: readonly Tensor[];
  /** SDXL only: [1, projection] */
  readonly pooled: Tensor | undefined;
}

export interface TextConditioner {
  /** A long text is read in chunks, each by itself with its own start and end, as A1111 and sd-scripts do. */
  encode(text: string, options?: EncodeOptions): Promise<TextStates>;
  /** One chunk as ids for each encoder, in the order of `encoderUses`, with start, end and padding. */
  encodeChunk(
    ids: readonly (readonly number[])[],
    others?: Readonly<Record<string, Tensor>>,
  ): Promise<ChunkStates>;
  release(): Promise<void>;
}

interface Encoder {
  readonly use: EncoderUse;
  readonly session: Session;
}

/** A session that reads one chunk at a time. */
async function openEncoder(
  use: EncoderUse,
  hooks: LayerHooks,
  graph: Graph,
  options: SessionOptions,
): Promise<Encoder> {
  const size = { batch: 1, tokens: use.part.tokenizer.maxTokens };
  const { context, pooled } = buildEncoder(graph, use, size, hooks);
  f.output('context', context);
  if (pooled) f.output('pooled', pooled);
  return { use, session: await f.openSession(graph, options) };
}

/** One encoder's states of one chunk. */
async function runEncoder(
  { use, session }: Encoder,
  ids: readonly number[],
  others: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const feeds = encoderFeeds(use.name, [chunksFor(use, [ids])]);
  const result = await session.run({ ...others, ...feeds });
  blameWeights(Object.values(result), use.part.weights);
  return result;
}

/** Joins [1, a, width], [1, b, width] … to [1, a + b + …, width]. */
export function joinTokens(parts: readonly Tensor[]): Tensor {
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

/** Joins [1, tokens, a] and [1, tokens, b] to [1, tokens, a + b]. */
export function joinWidths(a: Tensor, b: Tensor): Tensor {
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
  checkpoint: TextSource,
  options: SessionOptions = {},
  hooks: (graph: Graph, part: TextPartName) => LayerHooks = () => ({}),
  /** Encoders that are left out: their states are not among the results. */
  without: ReadonlySet<TextPartName> = new Set(),
  layers?: LayerChoice,
): Promise<TextConditioner> {
  const uses = encoderUses(checkpoint, layers);
  const encoders: Encoder[] = [];
  try {
    for (const use of uses.filter(({ name }) => !without.has(name))) {
      const graph = f.createGraph();
      encoders.push(await openEncoder(use, hooks(graph, use.name), graph, options));
    }
  } catch (error) {
    await Promise.allSettled(encoders.map(({ session }) => session.release()));
    throw error;
  }
  return {
    async encode(text, { mostChunks = 1, others = {} } = {}) {
      const { tokens, truncated } = tokenizeText(uses, text, mostChunks);
      const contexts: Tensor[] = [];
      let pooled: Tensor | undefined;
      for (const encoder of encoders) {
        const results: Record<string, Tensor>[] = [];
        for (const ids of tokens.get(encoder.use.name)?.chunks ?? [])
          results.push(await runEncoder(encoder, ids, others));
        contexts.push(joinTokens(results.map(({ context }) => context)));
        pooled ??= results[0].pooled;
      }
      return { context: contexts.reduce(joinWidths), pooled, truncated };
    },
    async encodeChunk(ids, others = {}) {
      const results: Record<string, Tensor>[] = [];
      for (const [i, encoder] of encoders.entries()) results.push(await runEncoder(encoder, ids[i], others));
      return {
        states: results.map(({ context }) => context),
        pooled: results.find(({ pooled }) => pooled)?.pooled,
      };
    },
    async release() {
      const released = await Promise.allSettled(encoders.map(({ session }) => session.release()));
      const failed = released.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    },
  };
}
