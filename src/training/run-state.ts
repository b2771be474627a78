/**
 * @file The run state: everything a run needs to go on bit for bit. Because all randomness is a function of
 * (seed, step, sample), that is A and B (or what other kinds have), their moments, what stays as it started, the step, and fingerprints of recipe and data.
 */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Tensor } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import {
  floatTensorBytes,
  openSafetensors,
  readTensor,
  serializeSafetensors,
  writeFileAtomic,
} from '../files/index.ts';
import type { Moments } from './adamw.ts';

export interface RunState {
  /** Finished steps. */
  step: number;
  readonly parameters: Map<string, Tensor>;
  readonly moments: Map<string, Moments>;
  /** What layers keep beside, as it was at the start (PiSSA). */
  readonly frozen: ReadonlyMap<string, Tensor>;
  /** Loss of each finished step. */
  readonly losses: number[];
  /** Hash of recipe, data and base model; a run resumes only where it equals. */
  readonly fingerprint: string;
  /** Device and measured kernels, as `kernelsOf` tells them: others compute other last bits. Unknown in older files. */
  readonly kernels?: string;
  /** Unix seconds of the first start. */
  readonly startedAt: number;
}

const headSchema = z.object({
  format: z.literal('lora-studio run state 1'),
  step: z.coerce.number().int().nonnegative(),
  fingerprint: z.string(),
  kernels: z.string().optional(),
  startedAt: z.coerce.number(),
});

export const runStatePath = (out: string): string => `${out.replace(/\.safetensors$/, '')}.run-state`;

/** Writes the state atomically: after a crash there is the old or the new one, never half. */
export async function saveRunState(path: string, state: RunState): Promise<void> {
  const tensors = [...state.parameters].flatMap(([name, parameter]) => {
    const moments = state.moments.get(name) as Moments;
    return [
      { name, ...parameter },
      { name: `${name}:first`, shape: parameter.shape, data: moments.first },
      { name: `${name}:second`, shape: parameter.shape, data: moments.second },
    ];
  });
  for (const [name, tensor] of state.frozen) tensors.push({ name: `${name}:frozen`, ...tensor });
  if (state.losses.length > 0) {
    tensors.push({ name: ':losses', shape: [state.losses.length], data: Float32Array.from(state.losses) });
  }
  const entries = tensors.map(({ name, shape, data }) => ({
    name,
    dtype: 'float32' as const,
    shape,
    bytes: floatTensorBytes({ shape, data }, 'float32'),
  }));
  const metadata = {
    format: 'lora-studio run state 1',
    step: String(state.step),
    fingerprint: state.fingerprint,
    ...(state.kernels === undefined ? {} : { kernels: state.kernels }),
    startedAt: String(state.startedAt),
  };
  await writeFileAtomic(path, serializeSafetensors(entries, metadata));
}

/** Reads a state; `undefined` when there is none. Throws RUN_STATE_OTHER when it belongs to another run. */
export function loadRunState(path: string, fingerprint: string): RunState | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSafetensors(path);
  const head = headSchema.safeParse(file.metadata);
  if (!head.success)
    throw badInput('RUN_STATE_INVALID', `${path} is not a run state`, 'Move it away to start anew.');
  if (head.data.fingerprint !== fingerprint) {
    const hint = 'Resume with the same pictures, recipe and base, or give another --out.';
    throw badInput('RUN_STATE_OTHER', `${path} belongs to a run with another recipe, data set or base`, hint);
  }
  const parameters = new Map<string, Tensor>();
  const moments = new Map<string, Moments>();
  const frozen = new Map<string, Tensor>();
  const copy = (name: string): Tensor => {
    const { shape, data } = readTensor(file, name);
    return { shape, data: data.slice() };
  };
  for (const name of file.tensors.keys()) {
    if (name.endsWith(':frozen')) frozen.set(name.slice(0, -':frozen'.length), copy(name));
    if (name.includes(':')) continue;
    parameters.set(name, copy(name));
    const [first, second] = ['first', 'second'].map(kind => readTensor(file, `${name}:${kind}`).data.slice());
    moments.set(name, { first, second });
  }
  const losses = file.tensors.has(':losses') ? [...readTensor(file, ':losses').data] : [];
  const { step, startedAt, kernels } = head.data;
  const known = kernels === undefined ? {} : { kernels };
  return { step, parameters, frozen, moments, losses, fingerprint, startedAt, ...known };
}
