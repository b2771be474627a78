/** @file What a LoRA file holds, without a base model: kind, ranks, targets, how much it changes, metadata. */
import type { Tensor } from '../../engine/index.ts';
import { openSafetensors, readTensor, type SafetensorsFile } from '../../files/index.ts';
import { guessFamily } from './family.ts';
import { blockOf, layerOf } from './layer-names.ts';
import { type Role, splitKey } from './names.ts';

export interface ModuleFacts {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
  /** Frobenius norm of ΔW = alpha/rank · up·down. */
  readonly norm: number;
}

export type LoraKind = 'lora' | 'locon' | 'loha' | 'lokr' | 'dora' | 'other';

export interface LoraFacts {
  readonly path: string;
  readonly fileBytes: number;
  /** `other`: no kind of LoRA that we know, for instance a checkpoint. */
  readonly kind: LoraKind;
  readonly dialect: 'kohya' | 'diffusers' | 'unknown';
  readonly family: string;
  readonly dtypes: readonly string[];
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  readonly modules: readonly ModuleFacts[];
  /** Which layers are changed, and in how many places: `{ layer: 'attn1.to_q', modules: 16 }`. */
  readonly targets: readonly { readonly layer: string; readonly modules: number }[];
  /** ‖ΔW‖ of all modules of a block together, in the file's order. */
  readonly blocks: readonly { readonly block: string; readonly modules: number; readonly norm: number }[];
  readonly parameters: number;
  /** Things a user should know: inert, NaN, tensors that are not understood. */
  readonly findings: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Inner products of the rows of [rank, n]. */
function gramOfRows(rank: number, data: Float32Array): Float64Array {
  const n = data.length / rank;
  const out = new Float64Array(rank * rank);
  for (let a = 0; a < rank; a++) {
    for (let b = a; b < rank; b++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += data[a * n + i] * data[b * n + i];
      out[a * rank + b] = sum;
      out[b * rank + a] = sum;
    }
  }
  return out;
}

/** Inner products of the columns of [n, rank]. */
function gramOfColumns(rank: number, data: Float32Array): Float64Array {
  const out = new Float64Array(rank * rank);
  for (let row = 0; row < data.length; row += rank) {
    for (let a = 0; a < rank; a++) {
      const left = data[row + a];
      for (let b = 0; b < rank; b++) out[a * rank + b] += left * data[row + b];
    }
  }
  return out;
}

/** ‖up·down‖² = tr((upᵀ·up)·(down·downᵀ)): no full-size matrix is made. down [rank, …], up [out, rank, …] */
export function deltaNorm(down: Tensor, up: Tensor, scale: number): number {
  const rank = down.shape[0];
  const [d, u] = [gramOfRows(rank, down.data), gramOfColumns(rank, up.data)];
  let trace = 0;
  for (let i = 0; i < d.length; i++) trace += d[i] * u[i];
  return Math.abs(scale) * Math.sqrt(Math.max(0, trace));
}

/** Tensors that tell the other kinds, as LyCORIS and PEFT name them. */
const marks: readonly { readonly kind: LoraKind; readonly pattern: RegExp }[] = [
  { kind: 'dora', pattern: /\.(dora_scale|lora_magnitude_vector(\.\w+)?(\.weight)?)$/ },
  { kind: 'loha', pattern: /\.hada_(w[12]_[ab]|t[12])$/ },
  { kind: 'lokr', pattern: /\.lokr_(w[12](_[ab])?|t2)$/ },
];
const markOf = (key: string): LoraKind | undefined => marks.find(({ pattern }) => pattern.test(key))?.kind;

function kindOf(file: SafetensorsFile, modules: readonly ModuleFacts[]): LoraKind {
  for (const key of file.tensors.keys()) {
    const kind = markOf(key);
    if (kind) return kind;
  }
  const hasKernel = [...file.tensors].some(
    ([key, { shape }]) => splitKey(key)?.role === 'down' && shape.length === 4 && shape[2] * shape[3] > 1,
  );
  return modules.length === 0 ? 'other' : hasKernel ? 'locon' : 'lora';
}

interface Measured {
  readonly modules: ModuleFacts[];
  readonly findings: string[];
}

function measure(file: SafetensorsFile): Measured {
  const groups = new Map<string, Partial<Record<Role, string>>>();
  const strange: string[] = [];
  for (const key of file.tensors.keys()) {
    const split = splitKey(key);
    if (split) groups.set(split.module, { ...groups.get(split.module), [split.role]: key });
    else if (!markOf(key)) strange.push(key);
  }
  const modules: ModuleFacts[] = [];
  const findings: string[] = [];
  for (const [name, { down: downKey, up: upKey, alpha: alphaKey }] of groups) {
    if (!downKey && !upKey) continue; // the alpha of another kind
    if (!downKey || !upKey) {
      findings.push(`${name} has no ${downKey ? 'up' : 'down'} matrix`);
      continue;
    }
    const [down, up] = [readTensor(file, downKey), readTensor(file, upKey)];
    const rank = down.shape[0];
    if (!(rank > 0) || up.shape[1] !== rank) {
      findings.push(`${name}: down [${down.shape}] and up [${up.shape}] have no rank in common`);
      continue;
    }
    const alpha = alphaKey ? readTensor(file, alphaKey).data[0] : rank;
    modules.push({ name, rank, alpha, norm: deltaNorm(down, up, alpha / rank) });
  }
  if (strange.length > 0) findings.push(`${strange.length} tensors are not of a LoRA, first ${strange[0]}`);
  return { modules, findings };
}

function findingsAbout(kind: LoraKind, modules: readonly ModuleFacts[]): string[] {
  const findings: string[] = [];
  const broken = modules.filter(({ norm }) => !Number.isFinite(norm));
  if (broken.length > 0)
    findings.push(`${broken.length} modules hold NaN or infinity, first ${broken[0].name}`);
  if (modules.length > 0 && modules.every(({ norm }) => norm === 0)) findings.push('inert: every ΔW is zero');
  if (kind === 'loha' || kind === 'lokr') findings.push(`‖ΔW‖ is not measured for ${kind}`);
  if (kind === 'dora') findings.push('‖ΔW‖ is that of up·down, without the magnitudes of DoRA');
  return findings;
}

/** Sums squares of norms by what `name` says of a module, in the file's order. */
function sumBy(
  modules: readonly ModuleFacts[],
  nameOf: (module: string) => string,
): { name: string; modules: number; norm: number }[] {
  const sums = new Map<string, { modules: number; squares: number }>();
  for (const { name, norm } of modules) {
    const sum = sums.get(nameOf(name)) ?? { modules: 0, squares: 0 };
    sums.set(nameOf(name), { modules: sum.modules + 1, squares: sum.squares + norm * norm });
  }
  return [...sums].map(([name, { modules: count, squares }]) => ({
    name,
    modules: count,
    norm: Math.sqrt(squares),
  }));
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
const ascending = (a: number, b: number): number => a - b;

/** Reads a LoRA file and measures it. */
export function inspectLora(path: string): LoraFacts {
  const file = openSafetensors(path);
  const { modules, findings } = measure(file);
  const kind = kindOf(file, modules);
  const keys = [...file.tensors.keys()];
  const entries = [...file.tensors.values()];
  return {
    path,
    fileBytes: file.fileSize,
    kind,
    dialect: kind === 'other' ? 'unknown' : keys.some(key => key.startsWith('lora_')) ? 'kohya' : 'diffusers',
    family: guessFamily([...file.tensors].map(([key, { shape }]) => [key, shape] as const)),
    dtypes: distinct(entries.map(({ dtype }) => dtype)),
    ranks: distinct(modules.map(({ rank }) => rank)).sort(ascending),
    alphas: distinct(modules.map(({ alpha }) => alpha)).sort(ascending),
    modules,
    targets: sumBy(modules, layerOf).map(({ name, modules: count }) => ({ layer: name, modules: count })),
    blocks: sumBy(modules, blockOf).map(({ name, ...sum }) => ({ block: name, ...sum })),
    parameters: entries.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    findings: [...findings, ...findingsAbout(kind, modules)],
    metadata: file.metadata,
  };
}
