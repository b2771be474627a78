/** @file What a conversion will write: every module is read once, checked, and described by names, types and shapes. */
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { badInput, LoraError, usageError } from '../../errors.ts';
import type { FloatDType } from '../../files/index.ts';
import type { Family } from '../../models/index.ts';
import {
  dialectTensors,
  type NamedTensor,
  type WrittenDialect,
  wordlessIn,
} from '../file/dialect-tensors.ts';
import type { LoraEntry } from '../file/entry.ts';
import { firstUnfit, typeFor } from '../file/number-types.ts';
import type { LoraFile } from '../file/open.ts';
import { byPart } from '../file/peft-config.ts';
import type { LoraModule } from '../kinds/module.ts';
import { needsBase } from '../kinds/table.ts';
import { nameOf, namingOf } from '../names/namings.ts';
import type { BakeOptions } from './bake.ts';
import { planBaking } from './bake-plan.ts';

export interface ConvertLoraOptions {
  readonly to: WrittenDialect;
  /** What numbers are rounded to; as they are when left out. */
  readonly dtype?: FloatDType | undefined;
  /** Where the tensors do not tell whether kohya has names of SDXL or of SD 1 and 2 for them. */
  readonly family?: Family | undefined;
  readonly allowNonfinite?: boolean;
  /** Make plain LoRA of what the dialect has no word for, to kohya of everything. */
  readonly bake?: BakeOptions | undefined;
}

export interface WrittenTensor {
  readonly name: string;
  readonly dtype: FloatDType;
  readonly shape: Shape;
  readonly entry: LoraEntry;
  readonly suffix: string;
}

/** The whole conversion, without numbers. */
export interface Described {
  /** Their tensors have shapes only. */
  readonly modules: readonly LoraModule[];
  readonly tensors: readonly WrittenTensor[];
}

function checkFits(
  file: LoraFile,
  entry: LoraEntry,
  { suffix, tensor }: NamedTensor,
  dtype: FloatDType,
): void {
  const at = firstUnfit(tensor, dtype);
  if (at < 0 || !Number.isFinite(tensor.data[at])) return; // NaN was asked for by --allow-nonfinite
  const message = `${file.path}: ${entry.name}${suffix} would hold ${tensor.data[at]} at ${at}, which ${dtype} cannot`;
  throw new LoraError('WEIGHT_TOO_LARGE', message, { hint: 'Write float32 or bfloat16.' });
}

/** The type that most numbers of the file have; those of 8 bits are written in 16. */
export function usualType({ modules }: LoraFile): FloatDType {
  const counts = new Map<string, number>();
  for (const { keys, file } of modules)
    for (const [role, key] of keys) {
      const entry = file.tensors.get(key);
      if (role === 'alpha' || !entry) continue;
      counts.set(entry.dtype, (counts.get(entry.dtype) ?? 0) + elementCount(entry.shape));
    }
  const [most = 'float32'] = [...counts].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype);
  if (most.startsWith('float8')) return 'float16';
  return most === 'float16' || most === 'bfloat16' ? most : 'float32';
}

/** Throws FAMILY_NEEDED. */
export function familyFor(
  { path, family }: LoraFile,
  { to, bake, family: given = bake?.base?.family }: ConvertLoraOptions,
): Family {
  if (given) return given;
  const families = family?.families ?? [];
  if (to !== 'kohya' || families.length === 1) return families[0] ?? 'sd15';
  if (families.length > 0 && !families.includes('sdxl')) return families[0];
  const message = `${path}: its tensors do not tell which model it is for, and kohya has other names for SDXL than for SD 1 and 2`;
  throw usageError('FAMILY_NEEDED', message, 'Give it with --family sd15, sd2 or sdxl.');
}

function targetOf(file: LoraFile, { name, target }: LoraEntry): string {
  if (target !== undefined) return target;
  const message = `${file.path}: no layer of Stable Diffusion is called ${name}`;
  throw badInput('LORA_OTHER_MODEL', message, 'Supported are Stable Diffusion 1.x, 2.x and SDXL.');
}

function hintFor(modules: readonly LoraModule[], to: WrittenDialect): string {
  const others =
    'convert to kohya, which has words for all kinds, or merge it into a checkpoint with lora merge.';
  const { baked, stuck } = planBaking(modules, to);
  if (stuck.length > 0) return others.replace(/^c/, 'C');
  const base = [...baked].some(needsBase) ? ' and --base with its base model' : '';
  return `Add --bake${base} to make plain LoRA of them, ${others}`;
}

/** Throws CONVERT_NO_WORD, with all reasons and how many modules each is of. */
function checkWords(file: LoraFile, modules: readonly LoraModule[], to: WrittenDialect): void {
  const reasons = new Map<string, number>();
  for (const module of modules) {
    const why = wordlessIn(to, module);
    if (why) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  for (const [part, ofPart] of byPart(modules))
    for (const [role, what] of [
      ['magnitude', 'DoRA'],
      ['up_bias', 'a bias'],
    ] as const) {
      const count = ofPart.filter(({ tensors }) => tensors[role]).length;
      if (to !== 'kohya' && count > 0 && count < ofPart.length)
        reasons.set(`takes ${what} on all layers of the ${part} or on none`, ofPart.length - count);
    }
  if (reasons.size === 0) return;
  const name = { kohya: 'kohya', diffusers: 'Diffusers', peft: 'PEFT' }[to];
  const list = [...reasons].map(([why, count]) => `${name} ${why} (${count} modules)`).join('; ');
  throw badInput('CONVERT_NO_WORD', `${file.path}: ${list}`, hintFor(modules, to));
}

const withoutNumbers = (module: LoraModule): LoraModule => ({
  ...module,
  tensors: Object.fromEntries(
    Object.entries(module.tensors).map(([role, { shape }]: [string, Tensor]) => [
      role,
      // Only magnitudes are asked how many they are.
      { shape, data: role === 'magnitude' ? new Float32Array(elementCount(shape)) : new Float32Array() },
    ]),
  ),
});

/** The modules of a file without their numbers. Throws LORA_OTHER_MODEL, and what reading a module throws. */
export const outlinesOf = (file: LoraFile): Map<LoraEntry, LoraModule> =>
  new Map(
    file.modules.map(entry => {
      targetOf(file, entry);
      return [entry, withoutNumbers(file.read(entry))];
    }),
  );

/** Throws CONVERT_NO_WORD, FAMILY_NEEDED, WEIGHT_TOO_LARGE, and what reading a module throws. */
export function describe(file: LoraFile, dtype: FloatDType, options: ConvertLoraOptions): Described {
  const { to } = options;
  const family = familyFor(file, options);
  const naming = namingOf(to, family);
  const modules: LoraModule[] = [];
  const tensors: WrittenTensor[] = [];
  for (const entry of file.modules) {
    const target = targetOf(file, entry);
    const module = file.read(entry);
    modules.push(withoutNumbers(module));
    if (wordlessIn(to, module)) continue;
    for (const named of dialectTensors(to, module)) {
      const type = typeFor(named, dtype);
      checkFits(file, entry, named, type);
      const name = nameOf(target, naming, family) + named.suffix;
      tensors.push({ name, dtype: type, shape: named.tensor.shape, entry, suffix: named.suffix });
    }
  }
  checkWords(file, modules, to);
  return { modules, tensors };
}
