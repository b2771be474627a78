/** @file What a LoRA file holds, without a base model: kind, ranks, targets, how much it changes, metadata. */
import type { Tensor } from '../../engine/index.ts';
import { openSafetensors, readTensor, type SafetensorsFile } from '../../files/index.ts';
import { guessFamily } from './family.ts';
import { type Role, splitKey } from './names.ts';

export interface ModuleFacts {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
  /** Frobenius norm of ΔW = alpha/rank · up·down. */
  readonly norm: number;
}

export interface LoraFacts {
  readonly path: string;
  readonly fileBytes: number;
  readonly kind: 'lora' | 'other';
  readonly dialect: 'kohya' | 'diffusers' | 'unknown';
  readonly family: string;
  readonly dtypes: readonly string[];
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  readonly modules: readonly ModuleFacts[];
  /** ‖ΔW‖ of all modules of a block together, in the file's order. */
  readonly blocks: readonly { readonly block: string; readonly modules: number; readonly norm: number }[];
  readonly parameters: number;
  /** Things a user should know: inert, NaN, tensors that are not understood. */
  readonly findings: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Inner products of rows: [rank, rank] from a matrix whose rows (or columns) belong to the ranks. */
function gram({ shape, data }: Tensor, rankFirst: boolean): Float64Array {
  const rank = rankFirst ? shape[0] : shape[1];
  const others = data.length / rank;
  const at = (r: number, i: number): number => (rankFirst ? data[r * others + i] : data[i * rank + r]);
  const out = new Float64Array(rank * rank);
  for (let a = 0; a < rank; a++) {
    for (let b = a; b < rank; b++) {
      let sum = 0;
      for (let i = 0; i < others; i++) sum += at(a, i) * at(b, i);
      out[a * rank + b] = sum;
      out[b * rank + a] = sum;
    }
  }
  return out;
}

/** ‖up·down‖² = tr((upᵀ·up)·(down·downᵀ)): no full-size matrix is made. */
export function deltaNorm(down: Tensor, up: Tensor, scale: number): number {
  const [d, u] = [gram(down, true), gram(up, false)];
  let trace = 0;
  for (let i = 0; i < d.length; i++) trace += d[i] * u[i];
  return Math.abs(scale) * Math.sqrt(Math.max(0, trace));
}

const blockPattern =
  /((?:down|up|input|output)_blocks?[._]\d+|mid(?:dle)?_block|text_model[._]encoder[._]layers[._]\d+)/;

function blockOf(module: string): string {
  const part = /text_encoder_2|lora_te2/.test(module)
    ? 'te2 '
    : /text_encoder|lora_te/.test(module)
      ? 'te '
      : '';
  const block = blockPattern.exec(module)?.[1] ?? 'other';
  return part + block.replace(/^text_model[._]encoder[._]/, '').replace(/_(\d+)$/, '.$1');
}

function collect(file: SafetensorsFile): {
  groups: Map<string, Partial<Record<Role, string>>>;
  strange: string[];
} {
  const groups = new Map<string, Partial<Record<Role, string>>>();
  const strange: string[] = [];
  for (const key of file.tensors.keys()) {
    const split = splitKey(key);
    if (!split) strange.push(key);
    else groups.set(split.module, { ...groups.get(split.module), [split.role]: key });
  }
  return { groups, strange };
}

/** Reads a LoRA file and measures it. */
export function inspectLora(path: string): LoraFacts {
  const file = openSafetensors(path);
  const { groups, strange } = collect(file);
  const modules: ModuleFacts[] = [];
  const findings: string[] = [];
  for (const [name, { down: downKey, up: upKey, alpha: alphaKey }] of groups) {
    if (!downKey || !upKey) {
      findings.push(`${name} has no ${downKey ? 'up' : 'down'} matrix`);
      continue;
    }
    const [down, up] = [readTensor(file, downKey), readTensor(file, upKey)];
    const rank = down.shape[0];
    const alpha = alphaKey ? readTensor(file, alphaKey).data[0] : rank;
    modules.push({ name, rank, alpha, norm: deltaNorm(down, up, alpha / rank) });
  }
  const broken = modules.filter(({ norm }) => !Number.isFinite(norm));
  if (broken.length > 0)
    findings.push(`${broken.length} modules hold NaN or infinity, first ${broken[0].name}`);
  if (modules.length > 0 && modules.every(({ norm }) => norm === 0)) findings.push('inert: every ΔW is zero');
  if (strange.length > 0)
    findings.push(`${strange.length} tensors are not of a plain LoRA, first ${strange[0]}`);
  const blocks = new Map<string, { modules: number; squares: number }>();
  for (const { name, norm } of modules) {
    const sum = blocks.get(blockOf(name)) ?? { modules: 0, squares: 0 };
    blocks.set(blockOf(name), { modules: sum.modules + 1, squares: sum.squares + norm * norm });
  }
  const distinct = <T>(values: T[]): T[] => [...new Set(values)];
  const keys = [...file.tensors.keys()];
  return {
    path,
    fileBytes: file.fileSize,
    kind: modules.length > 0 ? 'lora' : 'other',
    dialect: keys.some(key => key.startsWith('lora_'))
      ? 'kohya'
      : modules.length > 0
        ? 'diffusers'
        : 'unknown',
    family: guessFamily([...file.tensors].map(([key, { shape }]) => [key, shape] as const)),
    dtypes: distinct([...file.tensors.values()].map(({ dtype }) => dtype)),
    ranks: distinct(modules.map(({ rank }) => rank)).sort((a, b) => a - b),
    alphas: distinct(modules.map(({ alpha }) => alpha)).sort((a, b) => a - b),
    modules,
    blocks: [...blocks].map(([block, sum]) => ({
      block,
      modules: sum.modules,
      norm: Math.sqrt(sum.squares),
    })),
    parameters: [...file.tensors.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    ),
    findings,
    metadata: file.metadata,
  };
}
