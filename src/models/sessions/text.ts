/** @file Prompts and captions to text states, for every family. */

import type { Feed, Graph, Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint, Part } from '../checkpoint/checkpoint.ts';
import { type ClipConfig, clipTextEncoder, pooledTextEmbedding } from '../clip/text-encoder.ts';
import { type LayerHooks, openScope } from '../layers.ts';
import { type ClipTokenizer, openTokenizer } from '../tokenizer/index.ts';

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
export type TextPart = 'text_encoder' | 'text_encoder_2';

interface Encoder {
  readonly tokenizer: ClipTokenizer;
  readonly session: Session;
  readonly endTokenId: number;
  readonly pools: boolean;
}

async function openEncoder(
  part: Part<ClipConfig>,
  name: string,
  tokenizerFolder: string,
  sdxl: boolean,
  hooks: (graph: Graph) => LayerHooks,
  options: SessionOptions,
): Promise<Encoder> {
  const tokenizer = openTokenizer(tokenizerFolder);
  const graph = f.createGraph();
  const scope = openScope(graph, part.weights, name, hooks(graph));
  const tokens = tokenizer.encode('').ids.length;
  const ids = f.input(graph, 'ids', [1, tokens], 'int64');
  const states = clipTextEncoder(scope, part.config, ids);
  const pools = sdxl && scope.has('text_projection.weight');
  f.output('context', sdxl ? states.penultimate : states.last);
  if (pools) f.output('pooled', pooledTextEmbedding(scope, states.last, f.input(graph, 'end', [1], 'int64')));
  return {
    tokenizer,
    session: await f.openSession(graph, options),
    endTokenId: part.config.endTokenId,
    pools,
  };
}

async function runEncoder(
  encoder: Encoder,
  text: string,
  others: Readonly<Record<string, Tensor>>,
): Promise<{ truncated: string; result: Record<string, Tensor> }> {
  const { ids, truncated } = encoder.tokenizer.encode(text);
  const feeds: Record<string, Feed> = {
    ...others,
    ids: { shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
  };
  // The pooled state is that of the first end token.
  if (encoder.pools) {
    const end = ids.indexOf(encoder.endTokenId);
    feeds.end = { shape: [1], data: BigInt64Array.of(BigInt(end < 0 ? ids.length - 1 : end)) };
  }
  return { truncated, result: await encoder.session.run(feeds) };
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
  hooks: (graph: Graph, part: TextPart) => LayerHooks = () => ({}),
): Promise<TextConditioner> {
  const sdxl = checkpoint.family === 'sdxl';
  const open = (name: TextPart, part: Part<ClipConfig>, folder: string): Promise<Encoder> =>
    openEncoder(part, name, folder, sdxl, graph => hooks(graph, name), options);
  const encoders = [await open('text_encoder', checkpoint.textEncoder, checkpoint.tokenizerFolder)];
  if (checkpoint.textEncoder2) {
    const folder = checkpoint.tokenizer2Folder ?? checkpoint.tokenizerFolder;
    encoders.push(await open('text_encoder_2', checkpoint.textEncoder2, folder));
  }
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
