/** @file The UNet as a graph with named inputs, and as a session for generating. */

import type { Graph, Session, SessionOptions, Tensor, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import { type LayerHooks, openScope } from '../layers.ts';
import { pooledWidthOf, unet } from '../unet/unet.ts';
import type { TextValues } from './text-graph.ts';

export interface LatentSize {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Text tokens. */
  readonly tokens: number;
}

/**
 * Declares the UNet's inputs (`sample`, `timesteps`, `context`, for SDXL `pooled` and `sizes`) and builds it; a `text`
 * that the graph has itself takes the place of inputs.
 */
export function buildUnet(
  graph: Graph,
  checkpoint: Pick<Checkpoint, 'unet'>,
  size: LatentSize,
  hooks: LayerHooks = {},
  text: Partial<TextValues> = {},
): Value {
  const { config, weights } = checkpoint.unet;
  const { batch, height, width, tokens } = size;
  const inputs = {
    sample: f.input(graph, 'sample', [batch, config.inChannels, height, width]),
    timesteps: f.input(graph, 'timesteps', [batch]),
    context: text.context ?? f.input(graph, 'context', [batch, tokens, config.contextWidth]),
  };
  const scope = openScope(graph, weights, 'unet', hooks);
  const pooledWidth = pooledWidthOf(config);
  if (pooledWidth === undefined) return unet(scope, config, inputs);
  const added = {
    pooled: text.pooled ?? f.input(graph, 'pooled', [batch, pooledWidth]),
    sizes: f.input(graph, 'sizes', [batch, 6]),
  };
  return unet(scope, config, { ...inputs, added });
}

export interface UnetSession {
  readonly size: LatentSize;
  readonly session: Session;
  /** Feeds by input name, besides `sample` and `timesteps`: text states and LoRA parameters. */
  predict(sample: Tensor, timestep: number, others: Readonly<Record<string, Tensor>>): Promise<Tensor>;
  release(): Promise<void>;
}

/** Opens a UNet session for one batch and size. */
export async function openUnet(
  checkpoint: Checkpoint,
  size: LatentSize,
  hooks: (graph: Graph) => LayerHooks = () => ({}),
  options: SessionOptions = {},
): Promise<UnetSession> {
  const graph = f.createGraph();
  f.output('prediction', buildUnet(graph, checkpoint, size, hooks(graph)));
  const session = await f.openSession(graph, options);
  return {
    size,
    session,
    async predict(sample, timestep, others) {
      const timesteps = f.tensor([size.batch], new Float32Array(size.batch).fill(timestep));
      const { prediction } = await session.run({ ...others, sample, timesteps });
      blameWeights([prediction], checkpoint.unet.weights);
      return prediction;
    },
    release: () => session.release(),
  };
}
