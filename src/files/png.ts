/** @file Writes PNG pictures with text in them (W3C PNG, third edition), which other tools read prompts and seeds from. */
import { crc32, deflateSync } from 'node:zlib';

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** Interleaved rows, 8 bits a channel. */
  readonly data: Uint8Array;
}

function chunk(type: string, body: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  out.set(body, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Filters a row with the type (none, sub, up, paeth) that gives the smallest sum of absolute values. */
function filterRow(row: Uint8Array, above: Uint8Array, channels: number): Uint8Array {
  let best: Uint8Array = new Uint8Array();
  let bestSum = Number.POSITIVE_INFINITY;
  for (const type of [0, 1, 2, 4]) {
    const out = new Uint8Array(row.length + 1);
    out[0] = type;
    let sum = 0;
    for (let i = 0; i < row.length; i++) {
      const left = i >= channels ? row[i - channels] : 0;
      const corner = i >= channels ? above[i - channels] : 0;
      const guess =
        type === 0 ? 0 : type === 1 ? left : type === 2 ? above[i] : paeth(left, above[i], corner);
      const difference = (row[i] - guess) & 255;
      out[i + 1] = difference;
      sum += difference < 128 ? difference : 256 - difference;
    }
    if (sum < bestSum) [best, bestSum] = [out, sum];
  }
  return best;
}

/** Where XMP packets are found; always in an iTXt chunk (XMP specification, part 3). */
export const xmpKeyword = 'XML:com.adobe.xmp';

function textChunk(keyword: string, text: string): Buffer {
  const isLatin = [...text].every(c => c.charCodeAt(0) < 256 && c.length === 1);
  if (isLatin && keyword !== xmpKeyword)
    return chunk('tEXt', Buffer.concat([Buffer.from(`${keyword}\0`, 'latin1'), Buffer.from(text, 'latin1')]));
  const head = Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'); // uncompressed, no language, no translated keyword
  return chunk('iTXt', Buffer.concat([head, Buffer.from(text, 'utf8')]));
}

/** Encodes pixels; each entry of `text` becomes a tEXt chunk (iTXt where it is not Latin-1). */
export function encodePng(pixels: Pixels, text: Readonly<Record<string, string>> = {}): Uint8Array {
  const { width, height, channels, data } = pixels;
  if (data.length !== width * height * channels)
    throw new RangeError(`${width}×${height}×${channels} pixels need other data`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 3 ? 2 : 6, 0, 0, 0], 8);
  const stride = width * channels;
  const rows: Uint8Array[] = [];
  let above: Uint8Array = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * stride, (y + 1) * stride);
    rows.push(filterRow(row, above, channels));
    above = row;
  }
  return Buffer.concat([
    pngSignature,
    chunk('IHDR', header),
    ...Object.entries(text).map(([keyword, value]) => textChunk(keyword, value)),
    chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
}
