/**
 * @file A run state as a safetensors file of its own format: sections of tensors, one JSON text, and a hash over all of it,
 * so that a file which is torn or has a bit flipped is known as such.
 */
import { createHash } from 'node:crypto';
import type { DType } from '../../engine/index.ts';
import type { StreamedTensor } from '../../files/index.ts';
import type { OptimizerState } from '../optimizers/optimizer.ts';
import type { RunState, TrainedPoint } from '../run-state.ts';

export const stateFormat = 'lora-studio run state 2';

export interface StateTensor extends StreamedTensor {
  readonly bytes: Uint8Array;
}

export interface EncodedState {
  readonly tensors: readonly StateTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

type Numbers = Float32Array | Uint8Array;
interface Stored {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

const dtypeOf = (data: Numbers): DType => (data instanceof Float32Array ? 'float32' : 'uint8');

function section(name: string, tensors: ReadonlyMap<string, Stored> | undefined): StateTensor[] {
  return [...(tensors ?? [])].map(([key, { shape, data }]) => ({
    name: `${name}|${key}`,
    dtype: dtypeOf(data),
    shape,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
}

/** Numbers that JSON has no word for. */
const wordOf = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value);

const numbersOf = ({ numbers }: OptimizerState): Record<string, number | string> =>
  Object.fromEntries([...numbers].map(([name, value]) => [name, wordOf(value)]));

function pointSections(prefix: string, { parameters, optimizer, ema }: TrainedPoint): StateTensor[] {
  return [
    ...section(`${prefix}parameters`, parameters),
    ...section(`${prefix}optimizer`, optimizer.tensors),
    ...section(`${prefix}ema`, ema),
  ];
}

/** sha256 over the text and every tensor: name, type, shape, bytes. */
export function stateDigest(text: string, tensors: Iterable<StateTensor>): string {
  const hash = createHash('sha256').update(text);
  for (const { name, dtype, shape, bytes } of tensors)
    hash.update(`\n${name} ${dtype} ${shape}\n`).update(bytes);
  return hash.digest('hex');
}

/** Shares memory with the state: to be written before the next step. */
export function encodeState(state: RunState): EncodedState {
  const { step, fingerprint, kernels, startedAt, looks, rollbacks, best, point, losses } = state;
  const hasPoint = point !== undefined && point.step !== step;
  const tensors = [
    ...pointSections('', state),
    ...section('frozen', state.frozen),
    ...section('best', best?.parameters),
    ...(hasPoint ? pointSections('point.', point) : []),
    ...(losses.length > 0
      ? section('losses', new Map([['all', { shape: [losses.length], data: Float32Array.from(losses) }]]))
      : []),
  ];
  const text = JSON.stringify({
    ...{ step, fingerprint, kernels, startedAt, looks, rollbacks, numbers: numbersOf(state.optimizer) },
    ...(best ? { best: { step: best.step, loss: best.loss, low: best.low, high: best.high } } : {}),
    ...(hasPoint ? { point: { step: point.step, numbers: numbersOf(point.optimizer) } } : {}),
    hasEma: state.ema !== undefined,
  });
  const sorted = tensors.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    tensors: sorted,
    metadata: { format: stateFormat, state: text, sha256: stateDigest(text, sorted) },
  };
}
