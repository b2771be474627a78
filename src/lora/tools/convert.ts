/** @file Writes a LoRA in the names of another dialect. Two passes over the file, so that one module at a time is in memory. */
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
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
import {
  type ConvertLoraOptions,
  type Described,
  describe,
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
  { modules, tensors }: Described,
  to: WrittenDialect,
): Promise<string[]> {
  if (to !== 'peft') {
    const metadata = convertedMetadata(file, modules, to);
    await writePlan(file, { path: out, tensors, metadata }, to);
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
