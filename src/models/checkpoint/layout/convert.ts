/** @file Converts a checkpoint between a single file (LDM) and a folder (Diffusers), and between types, tensor by tensor. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { badInput, usageError } from '../../../errors.ts';
import { ensureFreeSpace, ensureWritableFolder, type WeightDType } from '../../../files/index.ts';
import { clipTables } from '../../tokenizer/clip-vocabulary.ts';
import { type Checkpoint, type OpenOptions, openCheckpoint } from '../checkpoint.ts';
import { partTensors } from '../single/given-parts.ts';
import { recognise } from '../single/open.ts';
import { diffusersTexts, diffusersWeights, type LaidFile } from './diffusers.ts';
import { ldmMarks, ldmMetadata, ldmTensors } from './ldm.ts';
import { type ModelParts, partsOf } from './parts.ts';
import { planRetyping, retype } from './retype.ts';
import { bytesOf, typed, writeTensors } from './write-tensors.ts';

export interface ConvertOptions {
  /** Parts in place of the checkpoint's own. */
  readonly parts?: OpenOptions;
  /** What weights are rounded to; as they are when left out. */
  readonly dtype?: WeightDType;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, allBytes: number) => void;
}

export interface Converted {
  readonly layout: 'single file' | 'folder';
  readonly bytes: number;
  /** What the result does not have, and why. */
  readonly notes: readonly string[];
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function checkOut(out: string): void {
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

/** Counts bytes for the progress of the whole. */
function advance({ signal, onProgress }: ConvertOptions, all: number) {
  let done = 0;
  const wrote = (bytes: number): void => {
    done += bytes;
    onProgress?.(done, all);
  };
  return { wrote, ...(signal ? { signal } : {}) };
}

async function toSingle(parts: ModelParts, out: string, options: ConvertOptions): Promise<Converted> {
  const tensors = typed(ldmTensors(parts), options.dtype);
  const bytes = bytesOf(tensors);
  await ensureFreeSpace(dirname(out), bytes);
  const head = { metadata: { format: 'pt', ...ldmMetadata(parts) }, marks: ldmMarks(parts) };
  await writeTensors(out, tensors, head, advance(options, bytes));
  return { layout: 'single file', bytes, notes: [] };
}

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

async function toFolder(parts: ModelParts, out: string, options: ConvertOptions): Promise<Converted> {
  const bytes = await writeFolder(out, diffusersWeights(parts), options, async folder => {
    for (const [path, text] of diffusersTexts(parts, clipTables())) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  });
  return { layout: 'folder', bytes, notes: [] };
}

/** Weights in formats that are never written or would be there twice. */
const weightFile =
  /\.(?:bin|ckpt|pt|pth|msgpack|h5|onnx(?:_data)?|safetensors|safetensors\.index(?:\.\w+)?\.json)$/i;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

/** A folder in another type: its own configs and tokenizers, and the weights that are read. */
async function retypeFolder(
  checkpoint: Checkpoint,
  out: string,
  options: ConvertOptions,
): Promise<Converted> {
  const { path, unet, vae, textEncoder, textEncoder2 } = checkpoint;
  const own = (name: string, stem: string, { weights }: Pick<Checkpoint['unet'], 'weights'>): LaidFile => ({
    path: `${name}/${stem}.safetensors`,
    tensors: [...weights.names()].map(tensor => ({
      ...{ name: tensor, shape: weights.shape(tensor) },
      pieces: [{ weights, name: tensor }],
    })),
  });
  const files = [
    own('unet', 'diffusion_pytorch_model', unet),
    own('vae', 'diffusion_pytorch_model', vae),
    own('text_encoder', 'model', textEncoder),
    ...(textEncoder2 ? [own('text_encoder_2', 'model', textEncoder2)] : []),
  ];
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

async function retypeSingle(path: string, out: string, options: ConvertOptions): Promise<Converted> {
  const { file, unet } = recognise(path, options.parts?.prediction);
  const used = new Set([...unet.weights.used, ...partTensors(file, unet.architecture.text)]);
  const plan = planRetyping(file, used, options.dtype);
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
