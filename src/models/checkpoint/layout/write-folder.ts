/** @file Writes a folder in the Diffusers layout: from parts, or one of the same layout in another type. */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { ensureFreeSpace, isFolder } from '../../../files/index.ts';
import { clipTables } from '../../tokenizer/clip-vocabulary.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { advance, type Converted, type ConvertOptions } from './conversion.ts';
import { diffusersTexts, diffusersWeights, type LaidFile } from './diffusers.ts';
import type { ModelParts } from './parts.ts';
import { bytesOf, typed, writeTensors } from './write-tensors.ts';

/** Weights and other files of a folder, made beside its place and put there when all are whole. */
async function writeFolder(
  out: string,
  files: readonly LaidFile[],
  options: ConvertOptions,
  addOthers: (folder: string) => Promise<void>,
): Promise<number> {
  const weights = files.map(({ path, tensors }) => ({ path, tensors: typed(tensors, options.dtype) }));
  const bytes = weights.reduce((sum, { tensors }) => sum + bytesOf(tensors), 0);
  await ensureFreeSpace(dirname(out), bytes);
  const temporary = join(dirname(out), `.${basename(out)}.${process.pid}.tmp`);
  const progress = advance(options, bytes);
  try {
    await mkdir(temporary);
    await addOthers(temporary);
    for (const { path, tensors } of weights) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeTensors(join(temporary, path), tensors, { metadata: { format: 'pt' } }, progress);
    }
    if (existsSync(out)) await rm(out, { recursive: true });
    await rename(temporary, out);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return bytes;
}

/** From parts, with configs and CLIP's tokenizer. */
export async function toFolder(parts: ModelParts, out: string, options: ConvertOptions): Promise<Converted> {
  const bytes = await writeFolder(out, diffusersWeights(parts), options, async folder => {
    for (const [path, text] of diffusersTexts(parts, clipTables())) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  });
  return { layout: 'folder', bytes, notes: [] };
}

/** Weights in formats that are never written or would be there twice. */
export const weightFile =
  /\.(?:bin|ckpt|pt|pth|msgpack|h5|onnx(?:_data)?|safetensors|safetensors\.index(?:\.\w+)?\.json)$/i;

export function filesBelow(folder: string): string[] {
  return (
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .map(entry => ({ entry, path: join(entry.parentPath, entry.name) }))
      // The cache of Hugging Face's hub is made of links.
      .filter(
        ({ entry, path }) =>
          entry.isFile() || (entry.isSymbolicLink() && existsSync(path) && !isFolder(path)),
      )
      .map(({ path }) => path)
  );
}

/** A folder in another type: its own configs and tokenizers, and the weights that are read. */
export async function retypeFolder(
  checkpoint: Checkpoint,
  out: string,
  options: ConvertOptions,
): Promise<Converted> {
  const { path, unet, vae, textEncoder, textEncoder2 } = checkpoint;
  const text = textEncoder2 ? [textEncoder, textEncoder2] : [textEncoder];
  const files = diffusersWeights({ unet, vae, text });
  const converted = new Set(files.map(file => file.path.split('/')[0]));
  const left: string[] = [];
  const bytes = await writeFolder(out, files, options, async folder => {
    for (const file of filesBelow(path)) {
      const place = relative(path, file);
      if (weightFile.test(place)) {
        if (!converted.has(place.split(sep)[0])) left.push(place);
        continue;
      }
      await mkdir(dirname(join(folder, place)), { recursive: true });
      await copyFile(file, join(folder, place));
    }
  });
  const notes = left.length > 0 ? [`weights that nothing here reads were left out: ${left.join(', ')}`] : [];
  return { layout: 'folder', bytes, notes };
}
