/** @file Exif and XMP in WebP files (RFC 9649). */
import { badInput } from '../errors.ts';
import type { PictureBlocks } from './jpeg-segments.ts';
import type { Pixels } from './png.ts';

const flags = { xmp: 0x04, exif: 0x08 } as const;

export const isWebp = (bytes: Uint8Array): boolean => {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.byteLength)).toString('latin1');
  return head.startsWith('RIFF') && head.endsWith('WEBP');
};

interface Chunk {
  readonly type: string;
  readonly body: Buffer;
}

/** One after the other, for a file may hold millions. Throws WEBP_TRUNCATED. */
function* chunksOf(bytes: Uint8Array, path: string): Generator<Chunk> {
  const webp = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (webp.length < 20) throw badInput('WEBP_TRUNCATED', `${path} has no picture in it`);
  let position = 12;
  while (position + 8 <= webp.length) {
    const end = position + 8 + webp.readUInt32LE(position + 4);
    if (end > webp.length) throw badInput('WEBP_TRUNCATED', `${path} ends inside a chunk`);
    const type = webp.toString('latin1', position, position + 4);
    yield { type, body: webp.subarray(position + 8, end) };
    position = end + (end & 1);
  }
}

function write({ type, body }: Chunk): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 0, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}

function extendedHeader(pixels: Pick<Pixels, 'width' | 'height'>): Buffer {
  const header = Buffer.alloc(10);
  header.writeUIntLE(pixels.width - 1, 4, 3);
  header.writeUIntLE(pixels.height - 1, 7, 3);
  return header;
}

/** A WebP without transparency, with these blocks behind its picture, in the extended layout, which is the one that may hold them. */
export function withWebpBlocks(
  webp: Uint8Array,
  { exif, xmp }: PictureBlocks,
  size: Pick<Pixels, 'width' | 'height'>,
): Uint8Array {
  const [first, ...others] = chunksOf(webp, 'the picture');
  const isExtended = first.type === 'VP8X';
  const header = Buffer.from(isExtended ? first.body : extendedHeader(size));
  header[0] |= (exif ? flags.exif : 0) | (xmp === undefined ? 0 : flags.xmp);
  const body = Buffer.concat([
    write({ type: 'VP8X', body: header }),
    ...(isExtended ? others : [first, ...others]).map(write),
    ...(exif ? [write({ type: 'EXIF', body: Buffer.from(exif) })] : []),
    ...(xmp === undefined ? [] : [write({ type: 'XMP ', body: Buffer.from(xmp) })]),
  ]);
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(4 + body.length, 4);
  return Buffer.concat([head, body]);
}

/** More is an attack, not a prompt. */
const maxTextBytes = 16 * 2 ** 20;

/** The first block of each kind. Throws WEBP_TRUNCATED, WEBP_TEXT_TOO_LONG. */
export function readWebpBlocks(bytes: Uint8Array, path = 'the picture'): PictureBlocks {
  let [exif, xmp]: [Buffer?, Buffer?] = [];
  for (const { type, body } of chunksOf(bytes, path)) {
    if (type === 'EXIF') exif ??= body;
    if (type === 'XMP ') xmp ??= body;
  }
  if ((exif?.length ?? 0) + (xmp?.length ?? 0) > maxTextBytes)
    throw badInput('WEBP_TEXT_TOO_LONG', `${path} holds more than ${maxTextBytes / 2 ** 20} MiB of text`);
  return { exif, xmp: xmp?.toString('utf8') };
}
