/** @file Writes a LoRA in the names of another dialect. Two passes over the file, so that one module at a time is in memory. */
import { existsSync, readdirSync } from 'node:fs';
import { rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { elementCount, type Tensor } from '../../engine/index.ts';
import { usageError } from '../../errors.ts';
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
import { dialectTensors, type WrittenDialect } from '../file/dialect-tensors.ts';
import type { LoraEntry } from '../file/entry.ts';
import { type LoraFile, openLoraFile } from '../file/open.ts';
import { byPart, loraConfig } from '../file/peft-config.ts';
import type { LoraModule } from '../kinds/module.ts';
import { hashKeysOf } from '../metadata/index.ts';
import type { Part } from '../names/layers.ts';
import { splitTarget } from '../names/namings.ts';
import { type BakedFacts, type BakedFile, bakeFile } from './bake.ts';
import {
  type ConvertLoraOptions,
  type Described,
  describe,
  familyFor,
  outlinesOf,
  usualType,
  type WrittenTensor,
} from './convert-describe.ts';
import { convertedMetadata } from './convert-metadata.ts';

export interface ConvertedLora {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly modules: number;
  readonly dtype: FloatDType;
  readonly notes: readonly string[];
  /** Modules that were made plain LoRA. */
  readonly baked: readonly BakedFacts[];
}

/** What a file of the conversion holds. */
interface Plan {
  readonly path: string;
  readonly tensors: readonly WrittenTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

const alphaOf = ({ alpha }: LoraModule): number => alpha;

const isIn = (part: Part, { entry }: WrittenTensor): boolean =>
  entry.target !== undefined && splitTarget(entry.target).part === part;

const tensorsName = 'adapter_model.safetensors';
const configName = 'adapter_config.json';

/** PEFT has an adapter for each model; one alone needs no folder of its own. */
const folderOf = (part: Part, parts: readonly Part[]): string => (parts.length === 1 ? '.' : part);

/** Fills a folder under a temporary name: one with a part of two would be taken for a whole one. */
async function fillFolder(out: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(resolve(out)), `.${basename(out)}.${process.pid}.tmp`);
  try {
    await fill(temporary);
    if (existsSync(out)) await rmdir(out); // an empty one: see checkOut
    await rename(temporary, out);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
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
  { modules, tensors }: Described,
  to: WrittenDialect,
): Promise<string[]> {
  if (to !== 'peft') {
    const metadata = convertedMetadata(file, modules, to);
    await writePlan(file, { path: out, tensors, metadata }, to);
    return [out];
  }
  const parts = [...byPart(modules).keys()];
  const names = parts.flatMap(part =>
    [tensorsName, configName].map(name => join(folderOf(part, parts), name)),
  );
  await fillFolder(out, async folder => {
    for (const [part, ofPart] of byPart(modules)) {
      const into = join(folder, folderOf(part, parts));
      await ensureWritableFolder(into);
      const plan = { tensors: tensors.filter(tensor => isIn(part, tensor)), metadata: { format: 'pt' } };
      await writePlan(file, { path: join(into, tensorsName), ...plan }, to);
      await writeFileAtomic(join(into, configName), adapterConfig(ofPart));
    }
  });
  return names.map(name => join(out, name));
}

async function bakedFor(file: LoraFile, options: ConvertLoraOptions): Promise<BakedFile> {
  const { to, bake } = options;
  if (!bake) return { file, modules: [], notes: [] };
  return bakeFile(file, outlinesOf(file), to, familyFor(file, options), bake);
}

/**
 * Converts `path` to `out`, which must not be there. Throws CONVERT_NO_WORD for kinds that the dialect cannot hold,
 * CONVERT_NEEDS_BASE where baking needs a base, LORA_WRONG_MODEL and CONVERT_SHAPE for a base that it is not for,
 * FAMILY_NEEDED where only the family would tell the names, and what openLoraFile throws.
 */
export async function convertLora(
  path: string,
  out: string,
  options: ConvertLoraOptions,
): Promise<ConvertedLora> {
  const { to, allowNonfinite = false } = options;
  checkOut(out, to);
  const opened = openLoraFile(path, { allowNonfinite });
  const { file, modules: baked, notes } = await bakedFor(opened, options);
  const dtype = options.dtype ?? usualType(file);
  const described = describe(file, dtype, options);
  const bytes = described.tensors.reduce(
    (sum, tensor) => sum + elementCount(tensor.shape) * (tensor.dtype === 'float32' ? 4 : 2),
    0,
  );
  await ensureFreeSpace(dirname(resolve(out)), bytes);
  const files = await writeFiles(file, out, described, to);
  return { files, bytes, modules: file.modules.length, dtype, notes: [...notesOn(file), ...notes], baked };
}
