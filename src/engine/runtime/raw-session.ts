/** @file ONNX Runtime's session behind plain tensors, for the main thread and for workers. */
import * as ort from 'onnxruntime-node';
import type { FedWeight } from '../onnx/lower.ts';
import type { Shape, Tensor } from '../tensor/tensor.ts';

/** An int64 feed, for token ids. */
export interface IntTensor {
  readonly shape: Shape;
  readonly data: BigInt64Array;
}
export type Feed = Tensor | IntTensor;

/** Everything that a thread needs to open a session; can be sent to another thread. */
export interface SessionSetUp {
  /** The serialized ONNX model. */
  readonly bytes: Uint8Array;
  readonly options: ort.InferenceSession.SessionOptions;
  /** Weights that live in memory and are fed at every run. */
  readonly fixed: Readonly<Record<string, FedWeight>>;
  /** The profile ends after the first run, for what it says of where operations ran. */
  readonly profilesFirstRun?: boolean;
}

export interface RawSession {
  /** Feeds and results by their names in the model. */
  run(feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

function toOrt(feed: Feed): ort.Tensor {
  return feed.data instanceof BigInt64Array
    ? new ort.Tensor('int64', feed.data, [...feed.shape])
    : new ort.Tensor('float32', feed.data, [...feed.shape]);
}

const mapToOrt = (feeds: Readonly<Record<string, Feed>>): Record<string, ort.Tensor> =>
  Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, toOrt(feed)]));

function fixedToOrt({ dtype, data, shape }: FedWeight): ort.Tensor {
  if (dtype !== 'float16') return new ort.Tensor(dtype, data as never, [...shape]);
  // The package makes a Float16Array of it where there is one, which its own native part does not take.
  const tensor = new ort.Tensor(dtype, data as Uint16Array, [...shape]);
  return Object.defineProperty(tensor, 'cpuData', { value: data });
}

export async function openRawSession({
  bytes,
  options,
  fixed,
  profilesFirstRun = false,
}: SessionSetUp): Promise<RawSession> {
  const session = await ort.InferenceSession.create(bytes, options);
  const always = Object.fromEntries(
    Object.entries(fixed).map(([name, weight]) => [name, fixedToOrt(weight)]),
  );
  let isProfiling = options.enableProfiling === true;
  const endProfiling = (): void => {
    if (isProfiling) session.endProfiling();
    isProfiling = false;
  };
  return {
    async run(feeds) {
      const raw = await session.run({ ...always, ...mapToOrt(feeds) });
      if (profilesFirstRun) endProfiling();
      const results: Record<string, Tensor> = {};
      for (const [name, { dims, data }] of Object.entries(raw)) {
        results[name] = { shape: [...dims], data: data as Float32Array };
      }
      return results;
    },
    async release() {
      endProfiling();
      await session.release();
    },
  };
}
