/**
 * @file The vectors in a textual inversion's file, in every layout that trainers write: A1111 (`string_to_param`,
 * `emb_params`), diffusers and Invoke (one tensor by its token), kohya, OneTrainer and diffusers for SDXL (`clip_l`, `clip_g`).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { openSafetensors, readTensor, readTorchFile, type TorchValue } from '../../files/index.ts';
import type { LoraEmbedding } from '../../lora/index.ts';

export type TextPart = keyof LoraEmbedding['vectors'];
export type PartVectors = LoraEmbedding['vectors'];
/** Numbers in a token's vector, for each text encoder of a checkpoint. */
export type TextWidths = Readonly<Partial<Record<TextPart, number>>>;

export interface EmbeddingFile {
  readonly path: string;
  /** sha256 of the file; A1111's `TI hashes` state its first 12 digits. */
  readonly hash: string;
  /** What a file of diffusers calls it (`<cat-toy>`); undefined where the file names no token. */
  readonly token: string | undefined;
  /** [vectors, width] by encoder, or one for the only encoder of a checkpoint. */
  readonly tensors: PartVectors | Tensor;
}

const partOf: Readonly<Record<string, TextPart>> = {
  clip_l: 'text_encoder',
  clip_h: 'text_encoder',
  text_encoders_0: 'text_encoder',
  clip_g: 'text_encoder_2',
  text_encoders_1: 'text_encoder_2',
};
/** Keys that are no tokens. */
const generic = new Set(['emb_params', '*']);
const mostKeys = 64;

const isMap = (value: TorchValue): value is ReadonlyMap<string | number, TorchValue> => value instanceof Map;
const isTensor = (value: TorchValue): value is Tensor =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
export const isOne = (tensors: EmbeddingFile['tensors']): tensors is Tensor => 'data' in tensors;

function unknownLayout(path: string, keys: readonly string[]): Error {
  const shown =
    keys.length === 0 ? 'no tensors' : keys.slice(0, 5).join(', ') + (keys.length > 5 ? ', …' : '');
  const hint =
    'An embedding has one tensor, string_to_param, or clip_l and clip_g. Is it a LoRA or a checkpoint?';
  return badInput('EMBEDDING_LAYOUT', `${path} is no embedding that is known: it has ${shown}`, hint);
}

function tensorsOfTorch(path: string): Map<string, Tensor> {
  const root = readTorchFile(path);
  if (!isMap(root)) throw unknownLayout(path, []);
  const inner = root.get('string_to_param') ?? root;
  if (!isMap(inner)) throw unknownLayout(path, ['string_to_param']);
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of inner) if (isTensor(value)) tensors.set(String(key), value);
  return tensors;
}

function tensorsOfSafetensors(path: string): Map<string, Tensor> {
  const file = openSafetensors(path);
  const keys = [...file.tensors.keys()];
  if (keys.length > mostKeys) throw unknownLayout(path, keys);
  return new Map(keys.map(key => [key, readTensor(file, key)]));
}

/** A vector alone is one row. */
function asRows({ shape, data }: Tensor, path: string): Tensor {
  const [vectors, width] = shape.length === 1 ? [1, shape[0]] : shape;
  const isMatrix = shape.length === 1 || shape.length === 2;
  if (isMatrix && vectors > 0 && vectors <= mostVectors && width > 0) {
    const wrong = data.findIndex(number => !Number.isFinite(number));
    if (wrong < 0) return { shape: [vectors, width], data };
    const message = `${path}: number ${wrong} of its vectors is ${data[wrong]}`;
    throw badInput('EMBEDDING_NOT_FINITE', message, 'Its training failed; take an earlier step of it.');
  }
  const hint = `An embedding is [vectors, width], of 1 to ${mostVectors} vectors.`;
  throw badInput('EMBEDDING_SHAPE', `${path} has a tensor of shape [${shape}]`, hint);
}

/** What fits a chunk of CLIP's 77 tokens. */
const mostVectors = 75;

function byPart(tensors: ReadonlyMap<string, Tensor>, path: string): PartVectors {
  const parts: Partial<Record<TextPart, Tensor>> = {};
  for (const [key, tensor] of tensors) {
    if (!Object.hasOwn(partOf, key)) throw unknownLayout(path, [...tensors.keys()]);
    if (parts[partOf[key]]) throw unknownLayout(path, [...tensors.keys()]);
    parts[partOf[key]] = asRows(tensor, path);
  }
  const [one, two] = [parts.text_encoder, parts.text_encoder_2];
  if (one && two && one.shape[0] !== two.shape[0]) {
    const message = `${path} has ${one.shape[0]} vectors for the first text encoder and ${two.shape[0]} for the second`;
    throw badInput('EMBEDDING_SHAPE', message, 'The file is damaged; fetch it again.');
  }
  return { ...(one ? { text_encoder: one } : {}), ...(two ? { text_encoder_2: two } : {}) };
}

/**
 * Reads a .safetensors, .pt or .bin file; nothing in it is executed. Throws EMBEDDING_LAYOUT, EMBEDDING_SHAPE,
 * EMBEDDING_NOT_FINITE, and what the readers of such files throw (PICKLE_REFUSED, TORCH_*, FORMAT_*).
 */
export function readEmbedding(path: string): EmbeddingFile {
  const isSafe = path.toLowerCase().endsWith('.safetensors');
  const tensors = isSafe ? tensorsOfSafetensors(path) : tensorsOfTorch(path);
  const keys = [...tensors.keys()];
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  if (keys.some(key => Object.hasOwn(partOf, key)))
    return { path, hash, token: undefined, tensors: byPart(tensors, path) };
  if (keys.length !== 1) throw unknownLayout(path, keys);
  const token = generic.has(keys[0]) ? undefined : keys[0];
  return { path, hash, token, tensors: asRows(tensors.get(keys[0]) as Tensor, path) };
}

const widthsOf = (tensors: EmbeddingFile['tensors']): number[] =>
  isOne(tensors) ? [tensors.shape[1]] : Object.values(tensors).map(({ shape }) => shape[1]);

/** The vectors for a checkpoint's text encoders. Throws EMBEDDING_FAMILY where they are of another width or number. */
export function fitEmbedding({ path, tensors }: EmbeddingFile, widths: TextWidths): PartVectors {
  const parts = Object.keys(widths) as TextPart[];
  const vectors: PartVectors = isOne(tensors) ? { text_encoder: tensors } : tensors;
  const isFit =
    Object.keys(vectors).length === parts.length &&
    parts.every(part => vectors[part]?.shape[1] === widths[part]);
  if (isFit) return vectors;
  const [has, reads] = [widthsOf(tensors).join(' and '), Object.values(widths).join(' and ')];
  const hint = '768 numbers are of SD 1, 1024 of SD 2, 768 and 1280 together of SDXL.';
  throw badInput(
    'EMBEDDING_FAMILY',
    `${path} has vectors of ${has} numbers, the checkpoint reads ${reads}`,
    hint,
  );
}
