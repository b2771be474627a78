/**
 * @file Runs graphs on ONNX Runtime.
 * Session options are those that were measured for large mapped weights: no prepacking (weights stay mapped from
 * the user's file), no memory pattern, no constant folding of large weights.
 */
import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import { LoraError } from '../../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { type Capabilities, capabilities } from '../onnx/capabilities.ts';
import type { ConvolutionChoices } from '../onnx/convolution-choice.ts';
import { type LoweredModel, lower } from '../onnx/lower.ts';
import type { OnnxTensor } from '../onnx/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { disabledOptimizers } from './optimizers.ts';
import { type Placement, type PlacementWatch, watchPlacement } from './placement.ts';
import { type ExecutionProvider, providers } from './providers.ts';
import { type Feed, openRawSession, type RawSession, type SessionSetUp } from './raw-session.ts';
import { startSessionWorker } from './session-worker.ts';

export interface SessionOptions {
  readonly provider?: ExecutionProvider;
  /** Threads inside one operation; all cores unless said. */
  readonly threads?: number;
  /** Another set of capabilities than the provider's, to check one lowering against another. */
  readonly capabilities?: Capabilities;
  /** Algorithms of convolutions that were measured on this machine, for models that are not folded. */
  readonly convolutions?: ConvolutionChoices;
  /** Below this many bytes of weights, everything that depends on weights alone is computed once at load. */
  readonly foldBelowBytes?: number;
  /** Prefix of a profile file to write. */
  readonly profile?: string;
  /** Called after the first run with what ran where. */
  readonly onPlacement?: (placement: Placement) => void;
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

/** Weights small enough to be copied: folded, packed and laid out as the processor likes them. */
function weightsAreSmall(graph: Graph, options: SessionOptions): boolean {
  let bytes = 0;
  for (const { origin } of graph.weights.values()) {
    if (origin.kind === 'weight') bytes += origin.bytes.length;
  }
  return bytes < (options.foldBelowBytes ?? foldBelowDefault);
}

/** The model that `openSession` would run. */
export function lowerForSession(
  graph: Graph,
  options: SessionOptions = {},
  fold = weightsAreSmall(graph, options),
): LoweredModel {
  const provider = options.capabilities ?? capabilities[options.provider ?? 'cpu'];
  if (fold) return lower(graph, { ...provider, constantWeights: provider.fusedMatMul });
  const { convolutions } = options;
  return lower(graph, convolutions ? { ...provider, convolutions } : provider);
}

/** A weight in a file, in fewer bits than float32 has. */
const isNarrow = ({ dtype, content }: OnnxTensor): boolean => 'location' in content && dtype !== 'float32';

function sessionConfiguration(
  lowered: LoweredModel,
  fold: boolean,
  options: SessionOptions,
): ort.InferenceSession.SessionOptions {
  const session: Record<string, string> = fold ? {} : { disable_prepacking: '1' };
  const { config, widensAtOpening = false } = providers[options.provider ?? 'cpu'];
  const widens = widensAtOpening && lowered.model.initializers.some(isNarrow);
  if (lowered.weightRoot) session.model_external_initializers_file_folder_path = lowered.weightRoot;
  return {
    executionProviders: [config],
    intraOpNumThreads: options.threads ?? availableParallelism(),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: fold ? 'all' : 'extended',
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
    extra: { session, optimization: { disable_specified_optimizers: disabledOptimizers(fold, widens) } },
  };
}

/** The feeds of a run in the model's order; a missing or misshaped one throws. */
function checkFeeds(lowered: LoweredModel, feeds: Readonly<Record<string, Feed>>): Record<string, Feed> {
  const all: Record<string, Feed> = {};
  for (const port of lowered.model.inputs) {
    if (lowered.fedWeights.has(port.name)) continue;
    const feed = feeds[port.name];
    if (!feed) throw new Error(`graph input ${port.name} was not given`);
    if (feed.shape.join() !== port.dims.join()) {
      throw new Error(`graph input ${port.name} is [${port.dims}], got [${feed.shape}]`);
    }
    all[port.name] = feed;
  }
  return all;
}

/** Results by the graph's names instead of the model's. */
function nameResults(lowered: LoweredModel, raw: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries([...lowered.outputs].map(([name, tensorName]) => [name, raw[tensorName]]));
}

/** What a provider says when this machine cannot run it, in words that can be acted on. */
async function orUnavailable<T>(provider: ExecutionProvider | undefined, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    if (provider === undefined || provider === 'cpu') throw cause;
    const [reason] = (cause as Error).message
      .split('\n')[0]
      .split(/ was false\. /)
      .slice(-1);
    throw deviceUnavailable(provider, reason, cause);
  }
}

/** A device that this machine or this installation lacks: where it exists and what turns it on. */
export function deviceUnavailable(provider: ExecutionProvider, reason: string, cause?: unknown): LoraError {
  const { platforms, turnOn } = providers[provider];
  const hint = `${provider} is for ${platforms}. ${turnOn}. Or use --device cpu; lora doctor lists what is there.`;
  return new LoraError('DEVICE_UNAVAILABLE', `${provider} cannot be used here: ${reason}`, { hint, cause });
}

interface Prepared {
  readonly lowered: LoweredModel;
  readonly setUp: SessionSetUp;
  readonly options: SessionOptions;
  readonly started: number;
}

function prepare(graph: Graph, options: SessionOptions): Prepared {
  const started = performance.now();
  for (const [name, value] of Object.entries(providers[options.provider ?? 'cpu'].environment ?? {}))
    process.env[name] ??= value;
  const fold = weightsAreSmall(graph, options);
  const lowered = lowerForSession(graph, options, fold);
  const { bytes, fedWeights } = lowered;
  const fixed = Object.fromEntries(fedWeights);
  const setUp = { bytes, options: sessionConfiguration(lowered, fold, options), fixed };
  return { lowered, setUp, options, started };
}

/** The first run of a session that someone wants to know the placement of writes a profile. */
function watchFirstRun({ setUp, options }: Prepared): { setUp: SessionSetUp; watch?: PlacementWatch } {
  const watch = options.onPlacement && !options.profile ? watchPlacement() : undefined;
  if (!watch) return { setUp };
  const profiled = { ...setUp.options, enableProfiling: true, profileFilePrefix: watch.prefix };
  return { setUp: { ...setUp, options: profiled, profilesFirstRun: true }, watch };
}

/** A prepared session, opened in this thread or in one of its own. */
async function open(
  prepared: Prepared,
  openRaw: (setUp: SessionSetUp) => Promise<RawSession>,
): Promise<Session> {
  const { lowered, options, started } = prepared;
  const { setUp, watch } = watchFirstRun(prepared);
  let waiting = watch;
  const placed = (): void => {
    const placement = waiting?.take();
    waiting = undefined;
    if (placement) options.onPlacement?.(placement);
  };
  const raw = await orUnavailable(options.provider, openRaw(setUp)).catch((error: unknown) => {
    waiting?.take();
    throw error;
  });
  return {
    lowered,
    setupSeconds: (performance.now() - started) / 1000,
    async run(feeds) {
      const results = nameResults(lowered, await raw.run(checkFeeds(lowered, feeds)));
      placed();
      return results;
    },
    async release() {
      await raw.release();
      waiting?.take();
    },
  };
}

/** Lowers `graph` for a provider and opens a session on it. */
export async function openSession(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  return open(prepare(graph, options), openRawSession);
}

/**
 * Like `openSession`, in a thread of its own: a run does not block this thread, so several sessions of small
 * operations run side by side, which uses cores better than several threads inside each operation.
 */
export async function openWorkerSession(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  return open(prepare(graph, options), startSessionWorker);
}

/** `count` sessions on one graph, which is lowered once: the first in this thread, each other in one of its own. */
export async function openSessions(
  graph: Graph,
  count: number,
  options: SessionOptions = {},
): Promise<Session[]> {
  const prepared = prepare(graph, options);
  const others = Array.from({ length: count - 1 }, () => open(prepared, startSessionWorker));
  return Promise.all([open(prepared, openRawSession), ...others]);
}

/** What this installation of ONNX Runtime offers, by ONNX Runtime's names. */
export function runtimeInfo(): { version: string; providers: { name: string; bundled: boolean }[] } {
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    providers: ort.listSupportedBackends(),
  };
}

/** Throws DEVICE_UNAVAILABLE where this build of ONNX Runtime does not know the provider. */
export function requireOffered(provider: ExecutionProvider): void {
  if (!isOffered(provider)) throw deviceUnavailable(provider, 'this onnxruntime-node is built without it');
}

/** Whether this build of ONNX Runtime knows the provider at all; it may still lack files, a driver or a device. */
export function isOffered(provider: ExecutionProvider): boolean {
  const { config } = providers[provider];
  const wanted = typeof config === 'string' ? config : config.name;
  return ort.listSupportedBackends().some(({ name }) => name === wanted);
}
