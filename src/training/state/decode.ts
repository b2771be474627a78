/** @file A run state out of its file: this format, and the first one. */
import { z } from 'zod';
import type { Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { holdContents, openSafetensors, type SafetensorsFile } from '../../files/index.ts';
import type { OptimizerState } from '../optimizers/optimizer.ts';
import type { Parameters, RunState, TrainedPoint } from '../run-state.ts';
import { type StateTensor, stateDigest, stateFormat } from './encode.ts';

const step = z.number().int().nonnegative();
const number = z.union([z.number(), z.enum(['-0', 'NaN', 'Infinity', '-Infinity']).transform(Number)]);
const numbers = z.record(z.string(), number);

const textSchema = z.object({
  step,
  fingerprint: z.string(),
  kernels: z.string().optional(),
  startedAt: z.number(),
  looks: z.array(z.looseObject({ step })),
  rollbacks: z.array(
    z.object({
      step,
      what: z.enum(['loss', 'gradient', 'parameters']),
      action: z.enum(['skip', 'lower']),
      backTo: step,
    }),
  ),
  numbers,
  best: z.object({ step, loss: z.number(), low: z.number(), high: z.number() }).optional(),
  point: z.object({ step, numbers }).optional(),
  hasEma: z.boolean(),
});

const headSchema = z.object({ format: z.literal(stateFormat), state: z.string(), sha256: z.string() });

const firstHeadSchema = z.object({
  format: z.literal('lora-studio run state 1'),
  step: z.coerce.number().pipe(step),
  fingerprint: z.string(),
  kernels: z.string().optional(),
  startedAt: z.coerce.number(),
});

function notAState(path: string, why: string): Error {
  return badInput('RUN_STATE_INVALID', `${path} is not a run state: ${why}`, 'Move it away to start anew.');
}

/** A file that was written as a run state but is not whole any more. */
function damaged(path: string, why: string, cause?: unknown): Error {
  return badInput('RUN_STATE_DAMAGED', `${path} is damaged: ${why}`, 'Move it away to start anew.', cause);
}

type Stored = { readonly shape: readonly number[]; readonly data: Float32Array | Uint8Array };

function readTensors(file: SafetensorsFile): StateTensor[] {
  const { contents } = file;
  if (!contents) throw new Error('the contents are not held');
  return [...file.tensors.values()]
    .map(({ name, dtype, shape, offset, length }) => {
      const start = offset - file.dataOffset;
      return { name, dtype, shape, bytes: contents.subarray(start, start + length) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A copy that may be changed. */
function stored({ dtype, shape, bytes }: StateTensor): Stored {
  const copy = bytes.slice();
  return { shape, data: dtype === 'float32' ? new Float32Array(copy.buffer) : copy };
}

/** `section|key` → the tensors of each section by key. */
function sectionsOf(tensors: readonly StateTensor[]): Map<string, Map<string, Stored>> {
  const sections = new Map<string, Map<string, Stored>>();
  for (const tensor of tensors) {
    const bar = tensor.name.indexOf('|');
    const [section, key] = [tensor.name.slice(0, bar), tensor.name.slice(bar + 1)];
    const known = sections.get(section) ?? new Map<string, Stored>();
    sections.set(section, known.set(key, stored(tensor)));
  }
  return sections;
}

function decode(path: string, file: SafetensorsFile): RunState {
  const head = headSchema.safeParse(file.metadata);
  if (!head.success) throw notAState(path, 'its format is another');
  const tensors = readTensors(file);
  if (stateDigest(head.data.state, tensors) !== head.data.sha256)
    throw damaged(path, 'its checksum does not fit');
  const text = textSchema.safeParse(JSON.parse(head.data.state));
  if (!text.success) throw notAState(path, z.prettifyError(text.error));
  const { best, point, hasEma, numbers: own, ...facts } = text.data;
  const sections = sectionsOf(tensors);
  const parametersOf = (name: string): Parameters =>
    (sections.get(name) ?? new Map<string, Stored>()) as Parameters;
  const optimizerOf = (prefix: string, values: Record<string, number>): OptimizerState => ({
    tensors: sections.get(`${prefix}optimizer`) ?? new Map(),
    numbers: new Map(Object.entries(values)),
  });
  const pointOf = (prefix: string, at: number, values: Record<string, number>): TrainedPoint => ({
    step: at,
    parameters: parametersOf(`${prefix}parameters`),
    optimizer: optimizerOf(prefix, values),
    ...(hasEma ? { ema: parametersOf(`${prefix}ema`) } : {}),
  });
  return {
    ...facts,
    ...pointOf('', facts.step, own),
    frozen: parametersOf('frozen'),
    losses: [...(parametersOf('losses').get('all')?.data ?? [])],
    ...(best ? { best: { ...best, parameters: parametersOf('best') } } : {}),
    ...(point ? { point: pointOf('point.', point.step, point.numbers) } : {}),
  };
}

/** Format 1: AdamW alone, `name`, `name:first`, `name:second`, `name:frozen`, `:losses`. */
function decodeFirst(file: SafetensorsFile, head: z.infer<typeof firstHeadSchema>): RunState {
  const parameters: Parameters = new Map();
  const frozen = new Map<string, Tensor>();
  const optimizer: OptimizerState = { tensors: new Map(), numbers: new Map() };
  let losses: number[] = [];
  for (const tensor of readTensors(file)) {
    const { name } = tensor;
    const copy = stored(tensor) as Tensor;
    if (name === ':losses') losses = [...copy.data];
    else if (name.endsWith(':frozen')) frozen.set(name.slice(0, -':frozen'.length), copy);
    else if (name.includes(':')) optimizer.tensors.set(name, copy);
    else parameters.set(name, copy);
  }
  const { format: _, ...facts } = head;
  return { ...facts, parameters, frozen, optimizer, losses, looks: [], rollbacks: [] };
}

/**
 * Reads one file. Throws RUN_STATE_DAMAGED for what is left of a state, RUN_STATE_INVALID for what never was one,
 * FILE_UNREADABLE.
 */
export function readState(path: string): RunState {
  let file: SafetensorsFile;
  try {
    file = holdContents(openSafetensors(path));
  } catch (cause) {
    const isFormat = (cause as { code?: string }).code?.startsWith('FORMAT_');
    throw isFormat ? damaged(path, (cause as Error).message, cause) : cause;
  }
  const first = firstHeadSchema.safeParse(file.metadata);
  return first.success ? decodeFirst(file, first.data) : decode(path, file);
}
