/** @file One module of a LoRA file as its header tells it, and its tensors when they are asked for. */
import { elementCount, indexOfNotFinite, type Shape, type Tensor } from '../../engine/index.ts';
import { badInput, type LoraError } from '../../errors.ts';
import { readTensor, type SafetensorsFile } from '../../files/index.ts';
import { misfit } from '../kinds/fit.ts';
import type { LoraModule, ModuleKind, Role } from '../kinds/module.ts';
import { alphaOf, kindOf, kinds, missingRoles, rankOf, type TensorRole } from '../kinds/table.ts';
import type { Part } from '../names/layers.ts';
import type { Dialect } from '../names/namings.ts';
import { configuredAlpha, configuredScale } from './adapter-config.ts';
import type { Group } from './group.ts';
import { impliedShape, type Shapes } from './implied-shape.ts';

export interface LoraEntry {
  /** The module's name in the file. */
  readonly name: string;
  /** Diffusers path with its part in front; undefined where the name is of no layer of Stable Diffusion. */
  readonly target: string | undefined;
  readonly dialect: Dialect | undefined;
  readonly kind: ModuleKind;
  readonly hasMagnitude: boolean;
  readonly rank: number;
  /** As in LoraModule: divided by the rank it is the factor of ΔW. */
  readonly alpha: number;
  /** Of the layer it is for, as far as its tensors tell. */
  readonly shape: Shape | undefined;
  readonly keys: ReadonlyMap<Role, string>;
  readonly shapes: Shapes;
  readonly file: SafetensorsFile;
  /** What `lokr_w2` is multiplied with; 1 unless PEFT wrote it. */
  readonly factor: number;
}

const damaged = 'The file is damaged, or the program that wrote it has a fault.';

function fault(code: string, { source, name }: Group, why: string, hint = damaged): LoraError {
  return badInput(code, `${source.file.path}: ${name} ${why}`, hint);
}

const shapeOf = ({ source }: Group, key: string): Shape => source.file.tensors.get(key)?.shape ?? [];

function shapesOf(group: Group): Shapes {
  const roles = [...group.keys].filter(([role]) => role !== 'alpha');
  return Object.fromEntries(roles.map(([role, key]) => [role, shapeOf(group, key)]));
}

/** Shapes as tensors without numbers, for rules that look at shapes only. */
const withoutData = (shapes: Shapes) =>
  Object.fromEntries(
    Object.entries(shapes).map(([role, shape]) => [role, { shape, data: new Float32Array() }]),
  );

/** Which kind a tensor of an incomplete module is of. */
const marks: readonly (readonly [role: RegExp, kind: ModuleKind])[] = [
  [/^(?:down|up|mid|up_bias|magnitude)$/, 'lora'],
  [/^hada_/, 'loha'],
  [/^lokr_/, 'lokr'],
  [/^[ab][12m]$/, 'glora'],
  [/^(?:ia3|on_input)$/, 'ia3'],
  [/^rescale$/, 'oft'],
];

/** The error for a set of tensors that makes no kind. */
function incomplete(group: Group, shapes: Shapes): Error {
  const roles = Object.keys(shapes);
  const kind = marks.find(([mark]) => roles.some(role => mark.test(role)))?.[1] ?? 'lora';
  const missing = missingRoles(kind, withoutData(shapes)).join(' and ');
  return fault('LORA_HALF', group, `has no ${missing}, only ${[...group.keys.values()].join(', ')}`);
}

/** Down [in, rank] and up [rank, out]: what programs with `x·A·B` have. */
function isTransposed({ down, up }: Shapes): boolean {
  if (!down || !up || down.length !== 2 || up.length !== 2) return false;
  const asWritten = down[0] === up[1];
  if (asWritten) return down[0] > Math.max(down[1], up[0]);
  return down[1] === up[0] && down[1] <= Math.min(down[0], up[1]);
}

function checkPair(group: Group, kind: ModuleKind, shapes: Shapes, rank: number): void {
  const isEmpty = Object.values(shapes).some(shape => shape.includes(0));
  // LoKr of two whole matrices has no rank.
  const lacksRank = rank === 0 && kinds[kind].alpha === 'scale' && kind !== 'lokr';
  if (isEmpty || lacksRank) throw fault('LORA_RANK_ZERO', group, 'has rank 0');
  if (kind !== 'lora') return;
  const { down, up, mid } = shapes as { down: Shape; up: Shape; mid?: Shape };
  const found = `down [${down}] and up [${up}]`;
  if (isTransposed(shapes))
    throw fault(
      'LORA_TRANSPOSED',
      group,
      `has ${found}, which are transposed: down is [rank, in], up is [out, rank]`,
    );
  if (down.length < 2 || up.length < 2 || down[0] !== (mid ? mid[1] : up[1]) || (mid && mid[0] !== up[1]))
    throw fault('LORA_RANKS_DIFFER', group, `has ${found}, which have no rank in common`);
}

/** The number in an alpha tensor of any type and of the shape [] or [1]. */
function storedAlpha(group: Group): number | undefined {
  const key = group.keys.get('alpha');
  if (key === undefined) return undefined;
  const { file } = group.source;
  const shape = shapeOf(group, key);
  const bad = (why: string): LoraError => badInput('LORA_BAD_ALPHA', `${file.path}: ${key} ${why}`, damaged);
  if (elementCount(shape) !== 1) throw bad(`is [${shape}], not one number`);
  const [alpha] = readTensor(file, key).data;
  if (!Number.isFinite(alpha)) throw bad(`is ${alpha}`);
  return alpha;
}

/** `text_model…` alone may be of either text encoder: the second is wider (OpenCLIP bigG). */
const secondEncoderWidth = 1280;

function partOf({ parsed }: Group, shape: Shape | undefined): Part | undefined {
  if (!parsed || parsed.saysPart) return parsed?.part;
  return shape?.includes(secondEncoderWidth) ? 'text_encoder_2' : parsed.part;
}

/** A module's names inside its part: ours, and that of the file without what stands before it. */
const pathsOf = ({ name, parsed }: Group): string[] => [
  name.replace(/^base_model\.model\.|^(?:unet|text_encoder(?:_2)?)\./, ''),
  ...(parsed ? [parsed.path] : []),
];

/** What the header says of a module. Throws LORA_* for one that cannot be. */
export function toEntry(group: Group): LoraEntry {
  const shapes = shapesOf(group);
  const tensors = withoutData(shapes);
  const kind = kindOf(tensors);
  if (!kind) throw incomplete(group, shapes);
  const rank = rankOf(kind, tensors);
  checkPair(group, kind, shapes, rank);
  const { source, name, parsed, keys } = group;
  const shape = impliedShape(kind, shapes);
  const part = partOf(group, shape);
  const config = source.configOf(part);
  const configured = config && configuredAlpha(config, pathsOf(group), rank);
  return {
    name,
    target: parsed && `${part}.${parsed.path}`,
    dialect: parsed?.dialect,
    kind,
    hasMagnitude: keys.has('magnitude'),
    rank,
    alpha: alphaOf(kind, storedAlpha(group) ?? configured, rank),
    shape,
    keys,
    shapes,
    file: source.file,
    factor: config && kind === 'lokr' && rank === 0 ? configuredScale(config, pathsOf(group)) : 1,
  };
}

/** A tensor as our kinds have it: PEFT's magnitudes are a vector, or lie along the second axis. */
function toRole(role: TensorRole, tensor: Tensor, { keys, shapes, factor }: LoraEntry): Tensor {
  const { shape, data } = tensor;
  if (role === 'lokr_w2' && factor !== 1) return { shape, data: data.map(x => factor * x) };
  if (role !== 'magnitude' || !/\.lora_magnitude_vector/.test(keys.get(role) ?? '')) return tensor;
  const axes = shapes.up?.length ?? 2;
  return { shape: [data.length, ...Array<number>(axes - 1).fill(1)], data };
}

function checkFinite(file: SafetensorsFile, key: string, { data }: Tensor): void {
  const at = indexOfNotFinite(data);
  if (at < 0) return;
  const hint = 'The training that made this file failed; use an earlier save, or --allow-nonfinite.';
  throw badInput('LORA_NOT_FINITE', `${file.path}: ${key} holds ${data[at]} at ${at}`, hint);
}

const floatTypes: ReadonlySet<string> = new Set([
  ...['float64', 'float32', 'float16', 'bfloat16', 'float8_e4m3', 'float8_e5m2'],
]);

function readRole(role: TensorRole, key: string, entry: LoraEntry): Tensor {
  const dtype = entry.file.tensors.get(key)?.dtype ?? '';
  if (role !== 'on_input' && !floatTypes.has(dtype)) {
    const message = `${entry.file.path}: ${key} is ${dtype}, a LoRA is made of floats`;
    throw badInput('LORA_DTYPE', message, 'Quantized LoRAs are not supported.');
  }
  return toRole(role, readTensor(entry.file, key), entry);
}

/** One module's tensors, in float32 and in the file's shapes. Throws LORA_NOT_FINITE and LORA_SHAPE. */
export function readEntry(entry: LoraEntry, { allowNonfinite = false } = {}): LoraModule {
  const tensors: Partial<Record<TensorRole, Tensor>> = {};
  for (const [role, key] of entry.keys) {
    if (role === 'alpha') continue;
    const tensor = readRole(role, key, entry);
    if (!allowNonfinite) checkFinite(entry.file, key, tensor);
    tensors[role] = tensor;
  }
  const { target, name, kind, rank, alpha, shape, file } = entry;
  const why = shape && misfit({ kind, tensors }, shape);
  if (why) throw badInput('LORA_SHAPE', `${file.path}: ${name}: ${why}`, damaged);
  return { target: target ?? name, kind, tensors, rank, alpha };
}
