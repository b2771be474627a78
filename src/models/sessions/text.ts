/** @file Prompts and captions to text states, for every family. */

import type { Feed, Graph, Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint, TextPart } from '../checkpoint/checkpoint.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import { clipTextEncoder, pooledPlace, pooledTextEmbedding } from '../clip/text-encoder.ts';
import { type LayerHooks, openScope } from '../layers.ts';

export interface TextStates {
  /** [1, tokens, width] */
  readonly context: Tensor;
  /** SDXL only: [1, projection] */
  readonly pooled: Tensor | undefined;
  /** What did not fit into the token limit; empty when all did. */
  readonly truncated: string;
}

export interface TextConditioner {
  /** @param others feeds of attached branches, by input name */
  encode(text: string, others?: Readonly<Record<string, Tensor>>): Promise<TextStates>;
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

async function runEncoder(
  encoder: Encoder,
  text: string,
  others: Readonly<Record<string, Tensor>>,
): Promise<{ truncated: string; result: Record<string, Tensor> }> {
  const { config, tokenizer, weights } = encoder.part;
  const { ids, truncated } = tokenizer.encode(text);
  const feeds: Record<string, Feed> = {
    ...others,
    ids: { shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
  };
  if (encoder.pools) feeds.end = { shape: [1], data: BigInt64Array.of(BigInt(pooledPlace(ids, config))) };
  const result = await encoder.session.run(feeds);
  blameWeights(Object.values(result), weights);
  return { truncated, result };
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
    async encode(text, others = {}) {
      const first = await runEncoder(encoders[0], text, others);
      const second = encoders[1] && (await runEncoder(encoders[1], text, others));
      const { context } = first.result;
      return {
        context: second ? joinWidths(context, second.result.context) : context,
        pooled: second?.result.pooled,
        truncated: first.truncated,
      };
    },
    async release() {
      for (const { session } of encoders) await session.release();
    },
  };
}
