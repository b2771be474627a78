/** @file What may be kept of a picture: each kind as bytes and back, checked. */
import { z } from 'zod';

/** One kind of value that follows from a picture's bytes. `decode` throws, or gives undefined, for what it did not encode. */
export interface Kind<Value extends object> {
  /** Part of the key. */
  readonly name: string;
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value | undefined;
}

/** Numbers and words in front, then an array as it lies in memory: u32 length of the JSON, JSON, the rest. */
export function pack(head: unknown, rest: Uint8Array = new Uint8Array()): Uint8Array {
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, rest]);
}

export interface Packed {
  readonly head: unknown;
  /** A copy, so that it begins where arrays of any type may. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

export function unpack(bytes: Uint8Array): Packed {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32LE(0);
  return { head: JSON.parse(buffer.toString('utf8', 4, end)), rest: Uint8Array.from(buffer.subarray(end)) };
}

/** A kind that is plain data. */
export function plainKind<Value extends object>(name: string, shape: z.ZodType<Value>): Kind<Value> {
  return {
    name,
    encode: value => pack(value),
    decode: bytes => shape.parse(unpack(bytes).head),
  };
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** Which bytes a file had when it looked like this. */
export interface KnownFile {
  /** Size and times. */
  readonly stamp: string;
  /** sha256, hex. */
  readonly hash: string;
}

export const knownFileKind = plainKind<KnownFile>('file', z.strictObject({ stamp: z.string(), hash }));

/** What the scan says of a picture that can be used. */
export const scannedKind = plainKind(
  'scanned',
  z.strictObject({
    ...{ width: z.int().positive(), height: z.int().positive(), hash },
    ...{ frames: z.int().positive(), hasAlpha: z.boolean() },
  }),
);

export const thumbnailKind: Kind<Uint8Array> = {
  name: 'thumbnail',
  encode: bytes => bytes,
  decode: bytes => Buffer.from(bytes),
};
