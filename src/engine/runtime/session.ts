/**
 * @file Runs graphs on ONNX Runtime. The only importer of onnxruntime.
 * Session options are those that were measured for large mapped weights: no prepacking (weights stay mapped from
 * the user's file), no memory pattern, no constant folding of large weights.
 */
import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { Graph } from '../graph/graph.ts';
import { type Capabilities, capabilities } from '../onnx/capabilities.ts';
import { type LoweredModel, lower } from '../onnx/lower.ts';
import type { Shape, Tensor } from '../tensor/tensor.ts';

export type ExecutionProvider = 'cpu' | 'webgpu';

/** An int64 feed, for token ids. */
export interface IntTensor {
  readonly shape: Shape;
  readonly data: BigInt64Array;
}
export type Feed = Tensor | IntTensor;

export interface SessionOptions {
  readonly provider?: ExecutionProvider;
  /** Threads inside one operation; all cores unless said. */
  readonly threads?: number;
  /** Another set of capabilities than the provider's, to check one lowering against another. */
  readonly capabilities?: Capabilities;
  /** Below this many bytes of weights, everything that depends on weights alone is computed once at load. */
  readonly foldBelowBytes?: number;
  /** Prefix of a profile file to write. */
  readonly profile?: string;
}

export interface Session {
  /** Runs the graph. Feeds by input name; results by output name. Missing or misshaped feeds throw. */
  run(feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
  readonly lowered: LoweredModel;
  /** Seconds spent lowering and creating the session. */
  readonly setupSeconds: number;
}

const foldBelowDefault = 256 * 2 ** 20;

/** These passes break or undo what the lowering wrote: gates merged away, weights copied out of their mapping. */
function disabledOptimizers(fold: boolean): string {
  return fold ? 'ReshapeFusion' : 'ReshapeFusion;ConstantFolding';
}

function weightBytes(lowered: LoweredModel): number {
  let sum = 0;
  for (const { content } of lowered.model.initializers) sum += content.length;
  return sum;
}

function sessionConfiguration(
  lowered: LoweredModel,
  options: SessionOptions,
): ort.InferenceSession.SessionOptions {
  const fold = weightBytes(lowered) < (options.foldBelowBytes ?? foldBelowDefault);
  const session: Record<string, string> = fold ? {} : { disable_prepacking: '1' };
  if (lowered.weightRoot) session.model_external_initializers_file_folder_path = lowered.weightRoot;
  return {
    executionProviders: [options.provider ?? 'cpu'],
    intraOpNumThreads: options.threads ?? availableParallelism(),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'extended',
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
    extra: { session, optimization: { disable_specified_optimizers: disabledOptimizers(fold) } },
  };
}

function toOrt(feed: Feed): ort.Tensor {
  return feed.data instanceof BigInt64Array
    ? new ort.Tensor('int64', feed.data, [...feed.shape])
    : new ort.Tensor('float32', feed.data, [...feed.shape]);
}

/** Lowers `graph` for a provider and opens a session on it. */
export async function openSession(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  const started = performance.now();
  const lowered = lower(graph, options.capabilities ?? capabilities[options.provider ?? 'cpu']);
  const session = await ort.InferenceSession.create(lowered.bytes, sessionConfiguration(lowered, options));
  const fixed: Record<string, ort.Tensor> = {};
  for (const [name, weight] of lowered.fedWeights) fixed[name] = toOrt(weight);
  const setupSeconds = (performance.now() - started) / 1000;
  return {
    lowered,
    setupSeconds,
    async run(feeds) {
      const all: Record<string, ort.Tensor> = { ...fixed };
      for (const port of lowered.model.inputs) {
        if (fixed[port.name]) continue;
        const feed = feeds[port.name];
        if (!feed) throw new Error(`graph input ${port.name} was not given`);
        if (feed.shape.join() !== port.dims.join()) {
          throw new Error(`graph input ${port.name} is [${port.dims}], got [${feed.shape}]`);
        }
        all[port.name] = toOrt(feed);
      }
      const raw = await session.run(all);
      const results: Record<string, Tensor> = {};
      for (const [name, tensorName] of lowered.outputs) {
        const value = raw[tensorName];
        results[name] = { shape: [...value.dims], data: value.data as Float32Array };
      }
      return results;
    },
    async release() {
      if (options.profile) session.endProfiling();
      await session.release();
    },
  };
}

/** What this installation of ONNX Runtime offers. */
export function runtimeInfo(): { version: string; providers: { name: string; bundled: boolean }[] } {
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    providers: ort.listSupportedBackends(),
  };
}
