/** @file Latents on disk under the hash of everything they were made from; a damaged entry counts as missing. */

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { elementCount, type Tensor } from '../engine/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import type { PicturePlan } from './picture.ts';

export interface LatentSource {
  /** sha256 of the picture file as it lies on disk, hex: an edited picture has another key. */
  pictureHash: string;
  plan: PicturePlan;
  /** Identifies the encoder's weights and precision. */
  encoderHash: string;
  /** What was hidden before encoding, where something was. */
  mask?: unknown;
}

/** The key of latents: sha256 over picture, transform, encoder and mask, hex. */
export function cacheKey({ pictureHash, plan, encoderHash, mask }: LatentSource): string {
  const { bucket, resized, crop, flip = false, colour, keepsHidden } = plan;
  const changes = { ...(colour ? { colour } : {}), ...(keepsHidden ? { keepsHidden } : {}) };
  const transform = [bucket.width, bucket.height, resized.width, resized.height, crop.left, crop.top, flip];
  const parts: unknown[] = [layoutVersion, pictureHash, transform, encoderHash];
  if (mask !== undefined) parts.push(mask);
  if (Object.keys(changes).length > 0) parts.push({ changes });
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export interface LatentCache {
  /** Undefined when there is no such entry or it is damaged. */
  get(key: string): Promise<Tensor | undefined>;
  put(key: string, latents: Tensor): Promise<void>;
}

/** Part of the key: raise it when pixels or the file layout below change. */
const layoutVersion = 1;
const magic = Buffer.from('LATENTS1', 'latin1');
const digestBytes = 32;

/** File: 8 bytes magic, sha256 of the rest, u32 dimensions, u32 each size, float32 data; little-endian. */
function pack({ shape, data }: Tensor): Uint8Array {
  const body = Buffer.alloc(4 + 4 * shape.length + 4 * data.length);
  body.writeUInt32LE(shape.length, 0);
  shape.forEach((size, i) => void body.writeUInt32LE(size, 4 + 4 * i));
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(body, 4 + 4 * shape.length);
  return Buffer.concat([magic, createHash('sha256').update(body).digest(), body]);
}

function unpack(bytes: Buffer): Tensor | undefined {
  const start = magic.length + digestBytes;
  if (bytes.length < start + 4 || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const body = bytes.subarray(start);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(magic.length, start)))
    return undefined;
  const dimensions = body.readUInt32LE(0);
  if (body.length < 4 + 4 * dimensions) return undefined;
  const shape = Array.from({ length: dimensions }, (_, i) => body.readUInt32LE(4 + 4 * i));
  const raw = body.subarray(4 + 4 * dimensions);
  if (raw.length !== 4 * elementCount(shape)) return undefined;
  const data = new Float32Array(elementCount(shape));
  raw.copy(Buffer.from(data.buffer));
  return { shape, data };
}

/** Opens a cache folder; it is made when the first entry is put. */
export function latentCache(folder: string): LatentCache {
  const pathOf = (key: string): string => join(folder, `${key}.latents`);
  return {
    async get(key) {
      const bytes = await readFile(pathOf(key)).catch(() => undefined);
      return bytes && unpack(bytes);
    },
    async put(key, latents) {
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(pathOf(key), pack(latents));
    },
  };
}
