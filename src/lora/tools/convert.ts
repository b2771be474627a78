/** @file Writes a LoRA in the names of another dialect. Two passes over the file, so that one module at a time is in memory. */
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { badInput, LoraError, usageError } from '../../errors.ts';
import {
  canonicalOrder,
  ensureFreeSpace,
  ensureWritableFolder,
  type FloatDType,
  floatTensorBytes,
  isFolder,
  streamSafetensors,
  writeFileAtomic,
} from '../../files/index.ts';
import type { Family } from '../../models/index.ts';
import {
  dialectTensors,
  type NamedTensor,
  type WrittenDialect,
  wordlessIn,
} from '../file/dialect-tensors.ts';
import type { LoraEntry } from '../file/entry.ts';
import { type LoraFile, openLoraFile } from '../file/open.ts';
import { byPart, loraConfig } from '../file/peft-config.ts';
import type { LoraModule } from '../kinds/module.ts';
import { hashKeysOf } from '../metadata/index.ts';
import type { Part } from '../names/layers.ts';
import { nameOf, namingOf, splitTarget } from '../names/namings.ts';

export interface ConvertLoraOptions {
  readonly to: WrittenDialect;
  /** What numbers are rounded to; as they are when left out. */
  readonly dtype?: FloatDType | undefined;
  /** Where the tensors do not tell whether kohya has names of SDXL or of SD 1 and 2 for them. */
  readonly family?: Family | undefined;
  readonly allowNonfinite?: boolean;
}

export interface ConvertedLora {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly modules: number;
  readonly dtype: FloatDType;
  readonly notes: readonly string[];
}

interface WrittenTensor {
  readonly name: string;
  readonly dtype: FloatDType;
  readonly shape: Shape;
  readonly entry: LoraEntry;
  readonly suffix: string;
}

/** What a file of the conversion holds. */
interface Plan {
  readonly path: string;
  readonly tensors: readonly WrittenTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

const largest: Readonly<Record<FloatDType, number>> = {
  float32: 3.4028234663852886e38,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
};

function checkFits(
  file: LoraFile,
  entry: LoraEntry,
  { suffix, tensor }: NamedTensor,
  dtype: FloatDType,
): void {
  const most = largest[dtype];
  const at = tensor.data.findIndex(x => Math.abs(x) > most && Number.isFinite(x));
  if (at < 0) return;
  const message = `${file.path}: ${entry.name}${suffix} would hold ${tensor.data[at]} at ${at}, ${dtype} goes to ${most}`;
  throw new LoraError('WEIGHT_TOO_LARGE', message, { hint: 'Write float32 or bfloat16.' });
}

/** The type that most numbers of the file have; those of 8 bits are written in 16. */
function usualType({ modules }: LoraFile): FloatDType {
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

function familyFor({ path, family }: LoraFile, { to, family: given }: ConvertLoraOptions): Family {
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
  const hint =
    'Convert to kohya, which has words for all kinds, or merge it into a checkpoint with `lora merge`.';
  throw badInput('CONVERT_NO_WORD', `${file.path}: ${list}`, hint);
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

/** First pass: every module is read, checked, and described. */
function describe(file: LoraFile, dtype: FloatDType, options: ConvertLoraOptions) {
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
      // In half precision, alphas such as those of rsLoRA would be other numbers.
      const type = named.role === 'alpha' ? 'float32' : dtype;
      checkFits(file, entry, named, type);
      const name = nameOf(target, naming, family) + named.suffix;
      tensors.push({ name, dtype: type, shape: named.tensor.shape, entry, suffix: named.suffix });
    }
  }
  checkWords(file, modules, to);
  return { modules, tensors };
}

/** What files say of themselves, without what is no longer so. */
function keptMetadata({ metadata }: LoraFile): Record<string, string> {
  const { lora_adapter_metadata: _, ...kept } = metadata;
  return { format: 'pt', ...kept };
}

const alphaOf = ({ alpha }: LoraModule): number => alpha;
const rankOf = ({ rank }: LoraModule): number => rank;

/** Diffusers reads its config from the header, with the part in front of each field. */
function diffusersHeader(modules: readonly LoraModule[]): string {
  const fields = [...byPart(modules)].flatMap(([part, ofPart]) =>
    Object.entries(loraConfig(ofPart, rankOf)).map(([field, value]) => [`${part}.${field}`, value]),
  );
  return JSON.stringify(Object.fromEntries(fields));
}

const isIn = (part: Part, { entry }: WrittenTensor): boolean =>
  entry.target !== undefined && splitTarget(entry.target).part === part;

function peftFolders(out: string, modules: readonly LoraModule[]): { part: Part; folder: string }[] {
  const parts = [...byPart(modules).keys()];
  // PEFT has an adapter for each model; one alone needs no folder of its own.
  return parts.map(part => ({ part, folder: parts.length === 1 ? out : join(out, part) }));
}

const adapterConfig = (modules: readonly LoraModule[]): string =>
  `${JSON.stringify({ ...loraConfig(modules, alphaOf), task_type: null, inference_mode: true }, null, 2)}\n`;

async function writePlan(
  file: LoraFile,
  { path, tensors, metadata }: Plan,
  to: WrittenDialect,
): Promise<void> {
  let last: { entry: LoraEntry; named: Map<string, Tensor> } | undefined;
  const numbersOf = (entry: LoraEntry, suffix: string): Tensor => {
    if (last?.entry !== entry) {
      const named = dialectTensors(to, file.read(entry));
      last = { entry, named: new Map(named.map(one => [one.suffix, one.tensor])) };
    }
    return last.named.get(suffix) as Tensor;
  };
  const byName = new Map(tensors.map(tensor => [tensor.name, tensor]));
  const bytesOf = ({ name }: { readonly name: string }): Uint8Array => {
    const { entry, suffix, dtype } = byName.get(name) as WrittenTensor;
    return floatTensorBytes(numbersOf(entry, suffix), dtype);
  };
  const hashes = to === 'peft' ? [] : hashKeysOf(metadata, true);
  await streamSafetensors(path, canonicalOrder(tensors), bytesOf, metadata, { hashes, keepExisting: true });
}

/** Throws OUT_EXISTS, or OUT_NOT_SAFETENSORS for a name that is not of such a file. */
function checkOut(out: string, to: WrittenDialect): void {
  if (existsSync(out) && !(to === 'peft' && isFolder(out) && readdirSync(out).length === 0))
    throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another name, or move it away.');
  const isFile = extname(out).toLowerCase() === '.safetensors';
  if (to !== 'peft' && !isFile) throw usageError('OUT_NOT_SAFETENSORS', `${out} must end in .safetensors`);
  if (to === 'peft' && isFile)
    throw usageError('OUT_NOT_FOLDER', `${out}: PEFT has a folder, not a .safetensors file`);
}

function notesOn(file: LoraFile): string[] {
  const { skipped, findings } = file;
  const [first] = skipped;
  const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : '';
  return [...findings, ...(first ? [`left out: ${first.key}${more} (${first.reason})`] : [])];
}

async function writeFiles(
  file: LoraFile,
  out: string,
  { modules, tensors }: ReturnType<typeof describe>,
  to: WrittenDialect,
): Promise<string[]> {
  if (to !== 'peft') {
    const header = to === 'diffusers' ? { lora_adapter_metadata: diffusersHeader(modules) } : {};
    await writePlan(file, { path: out, tensors, metadata: { ...keptMetadata(file), ...header } }, to);
    return [out];
  }
  const files: string[] = [];
  for (const { part, folder } of peftFolders(out, modules)) {
    await ensureWritableFolder(folder);
    const path = join(folder, 'adapter_model.safetensors');
    const ofPart = tensors.filter(tensor => isIn(part, tensor));
    await writePlan(file, { path, tensors: ofPart, metadata: { format: 'pt' } }, to);
    const config = join(folder, 'adapter_config.json');
    await writeFileAtomic(config, adapterConfig(byPart(modules).get(part) ?? []));
    files.push(path, config);
  }
  return files;
}

/**
 * Converts `path` to `out`, which must not be there. Throws CONVERT_NO_WORD for kinds that the dialect cannot hold,
 * FAMILY_NEEDED where only the family would tell the names, and what openLoraFile throws.
 */
export async function convertLora(
  path: string,
  out: string,
  options: ConvertLoraOptions,
): Promise<ConvertedLora> {
  const { to, allowNonfinite = false } = options;
  checkOut(out, to);
  const file = openLoraFile(path, { allowNonfinite });
  const dtype = options.dtype ?? usualType(file);
  const described = describe(file, dtype, options);
  const bytes = described.tensors.reduce(
    (sum, tensor) => sum + elementCount(tensor.shape) * (tensor.dtype === 'float32' ? 4 : 2),
    0,
  );
  await ensureFreeSpace(dirname(out), bytes);
  try {
    const files = await writeFiles(file, out, described, to);
    return { files, bytes, modules: file.modules.length, dtype, notes: notesOn(file) };
  } catch (error) {
    // A folder with one part of two would be taken for a whole one.
    if (to === 'peft') await rm(out, { recursive: true, force: true });
    throw error;
  }
}
