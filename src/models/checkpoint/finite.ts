/** @file Looks for NaN and infinity in weight files, by their bits: reading every byte is all that it costs. */
import { closeSync, openSync, readSync } from 'node:fs';
import { bytesPerElement, type DType, type Tensor, type WeightBytes } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { WeightSource } from '../layers.ts';

/** Bytes read at once; a multiple of every element. */
const blockBytes = 2 ** 23;

function firstMasked(words: Uint8Array | Uint16Array | Uint32Array, mask: number): number {
  for (let i = 0; i < words.length; i++) if ((words[i] & mask) === mask) return i;
  return -1;
}

/** Index of the first element whose exponent is all ones (for float8_e4m3, which has no infinity: of its NaN); else −1. */
function firstNotFinite(bytes: Uint8Array<ArrayBuffer>, dtype: DType): number {
  const { buffer, length } = bytes;
  switch (dtype) {
    case 'float32':
      return firstMasked(new Uint32Array(buffer, 0, length / 4), 0x7f800000);
    case 'float16':
      return firstMasked(new Uint16Array(buffer, 0, length / 2), 0x7c00);
    case 'bfloat16':
      return firstMasked(new Uint16Array(buffer, 0, length / 2), 0x7f80);
    case 'float8_e4m3':
      return firstMasked(bytes, 0x7f);
    case 'float8_e5m2':
      return firstMasked(bytes, 0x7c);
    case 'float64':
      return new Float64Array(buffer, 0, length / 8).findIndex(x => !Number.isFinite(x));
    default:
      return -1;
  }
}

/** Index of the first NaN or infinity of a weight, or −1. `block` is overwritten. */
function findInFile(
  handle: number,
  { offset, length, dtype }: WeightBytes,
  block: Uint8Array<ArrayBuffer>,
): number {
  for (let start = 0; start < length; start += blockBytes) {
    const part = block.subarray(0, Math.min(blockBytes, length - start));
    const count = readSync(handle, part, 0, part.length, offset + start);
    const at = firstNotFinite(part.subarray(0, count), dtype);
    if (at >= 0) return start / bytesPerElement[dtype] + at;
  }
  return -1;
}

/** A weight in a file that no model works with. */
export interface BadWeight {
  readonly path: string;
  readonly name: string;
  readonly why: 'not finite' | 'zeros';
  /** Of the first NaN or infinity. */
  readonly at: number;
}

export interface NamedPlace extends WeightBytes {
  readonly name: string;
  /** Nothing but zeros would be wrong: a matrix. */
  readonly neverZero?: boolean;
}

const zeroBlock = Buffer.alloc(blockBytes);

/** Whether a weight in a file is zeros and nothing else, as the holes of a download are. */
function isZero(handle: number, { offset, length }: WeightBytes, block: Uint8Array<ArrayBuffer>): boolean {
  for (let start = 0; start < length; start += blockBytes) {
    const part = block.subarray(0, Math.min(blockBytes, length - start));
    const count = readSync(handle, part, 0, part.length, offset + start);
    if (zeroBlock.compare(part, 0, count, 0, count) !== 0) return false;
  }
  return length > 0;
}

/** Reads weights in files, one after the other, and gives for each what is wrong with it. */
export function* examineWeights(places: Iterable<NamedPlace>): Generator<BadWeight | undefined> {
  const handles = new Map<string, number>();
  const block = new Uint8Array(blockBytes);
  try {
    for (const place of places) {
      const { path, name } = place;
      const handle = handles.get(path) ?? openSync(path, 'r');
      handles.set(path, handle);
      const at = findInFile(handle, place, block);
      if (at >= 0) yield { path, name, why: 'not finite', at };
      else
        yield place.neverZero && isZero(handle, place, block)
          ? { path, name, why: 'zeros', at: 0 }
          : undefined;
    }
  } finally {
    for (const handle of handles.values()) closeSync(handle);
  }
}

function* placesOf(weights: WeightSource): Generator<NamedPlace> {
  for (const name of weights.names()) {
    const bytes = weights.bytes(name);
    // Merged with a LoRA, in memory: whose fault it is cannot be told.
    if ('path' in bytes) yield { ...bytes, name };
  }
}

/** Throws CHECKPOINT_NOT_FINITE for a weight in a file that holds NaN or infinity. */
export function checkFiniteWeights(weights: WeightSource): void {
  for (const bad of examineWeights(placesOf(weights))) {
    if (!bad) continue;
    const { path, name, at } = bad;
    const message = `${path}: ${name} holds ${weights.read(name)[at]} at ${at}`;
    throw badInput('CHECKPOINT_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
  }
}

/**
 * For large checkpoints, whose weights are not read when they are opened: once a result is not finite, looks for the
 * weight that it comes from. When all are finite, it is for the caller to say what else went wrong.
 */
export function blameWeights(results: Iterable<Tensor>, weights: WeightSource): void {
  if (![...results].every(({ data }) => data.every(Number.isFinite))) checkFiniteWeights(weights);
}
