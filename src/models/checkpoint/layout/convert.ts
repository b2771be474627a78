/** @file Converts a checkpoint between a single file (LDM) and a folder (Diffusers), and between types, tensor by tensor. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { badInput, usageError } from '../../../errors.ts';
import { ensureFreeSpace, ensureWritableFolder, isFolder } from '../../../files/index.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { recognise, usedTensors } from '../single/open.ts';
import { advance, type Converted, type ConvertOptions } from './conversion.ts';
import { ldmMarks, ldmMetadata, ldmTensors } from './ldm.ts';
import { type ModelParts, partsOf } from './parts.ts';
import { planRetyping, retype } from './retype.ts';
import { retypeFolder, toFolder } from './write-folder.ts';
import { bytesOf, typed, writeTensors } from './write-tensors.ts';

/** Throws OUT_EXISTS, or OUT_NOT_SAFETENSORS for the name of a pickle. */
export function checkOut(out: string): void {
  if (existsSync(out) && !(isFolder(out) && readdirSync(out).length === 0)) {
    throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another name, or move it away.');
  }
  const end = extname(out).toLowerCase();
  if (end === '.safetensors' || !['.ckpt', '.pt', '.pth', '.bin', '.sft', '.gguf'].includes(end)) return;
  throw usageError(
    'OUT_NOT_SAFETENSORS',
    `${out}: a single file ends in .safetensors, other names are of folders`,
  );
}

function published(checkpoint: Checkpoint): ModelParts {
  const parts = partsOf(checkpoint);
  if (parts) return parts;
  const message = `${checkpoint.path} is of no published architecture, which the single-file layout and its readers need`;
  throw badInput(
    'CONVERT_NOT_PUBLISHED',
    message,
    'It can be converted from folder to folder, to another type.',
  );
}

async function toSingle(parts: ModelParts, out: string, options: ConvertOptions): Promise<Converted> {
  const tensors = typed(ldmTensors(parts), options.dtype);
  const bytes = bytesOf(tensors);
  await ensureFreeSpace(dirname(out), bytes);
  const head = { metadata: { format: 'pt', ...ldmMetadata(parts) }, marks: ldmMarks(parts) };
  await writeTensors(out, tensors, head, advance(options, bytes));
  return { layout: 'single file', bytes, notes: [] };
}

async function retypeSingle(path: string, out: string, options: ConvertOptions): Promise<Converted> {
  const recognised = recognise(path, options.parts?.prediction);
  const { file } = recognised;
  const plan = planRetyping(file, usedTensors(recognised), options.dtype);
  await ensureFreeSpace(dirname(out), plan.bytes);
  await retype(file, plan, out, advance(options, plan.bytes));
  const notes =
    plan.averaged > 0
      ? [`${plan.averaged} averaged (EMA) tensors, which only training goes on from, were left out`]
      : [];
  return { layout: 'single file', bytes: plan.bytes, notes };
}

/**
 * Converts `path` to `out`: a name that ends in .safetensors becomes a single file in the LDM layout, any other a folder
 * in the Diffusers layout. Within one layout, and without given parts, names and configs stay as they are and only the
 * type changes. Nothing is left behind on failure; an existing `out` is never touched.
 */
export async function convertCheckpoint(
  path: string,
  out: string,
  options: ConvertOptions = {},
): Promise<Converted> {
  checkOut(out);
  const target = resolve(out);
  const { parts = {} } = options;
  const isSingle = extname(target).toLowerCase() === '.safetensors';
  const isGiven =
    parts.vae !== undefined || parts.textEncoders !== undefined || parts.tokenizer !== undefined;
  const isSame = existsSync(path) && isSingle !== isFolder(path) && !isGiven;
  await ensureWritableFolder(dirname(target));
  if (isSame && isSingle) return retypeSingle(path, target, options);
  const checkpoint = openCheckpoint(path, parts);
  if (isSame) return retypeFolder(checkpoint, target, options);
  return (isSingle ? toSingle : toFolder)(published(checkpoint), target, options);
}
