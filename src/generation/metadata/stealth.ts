/**
 * @file Text hidden in the lowest bits of pixels ("stealth pnginfo"), column by column: signature, length in bits (32,
 * big-endian), UTF-8 text, gzipped where the signature ends in `comp`.
 */
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';

const signatures = {
  stealth_pnginfo: { source: 'alpha', zipped: false },
  stealth_pngcomp: { source: 'alpha', zipped: true },
  stealth_rgbinfo: { source: 'rgb', zipped: false },
  stealth_rgbcomp: { source: 'rgb', zipped: true },
} as const;
const signatureLength = 15;
const most = { pixels: 2 ** 26, textBytes: 16 * 2 ** 20 };

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGBA. */
  readonly data: Uint8Array;
}

/** `count` bytes of the hidden stream from byte `from` on; fewer where the picture ends. */
function hiddenBytes(
  { width, height, data }: Pixels,
  source: 'alpha' | 'rgb',
  from: number,
  count: number,
): Buffer {
  const channels = source === 'alpha' ? [3] : [0, 1, 2];
  const total = Math.floor((width * height * channels.length) / 8);
  const out = Buffer.alloc(Math.max(0, Math.min(count, total - from)));
  for (let i = 0; i < out.length * 8; i++) {
    const bit = from * 8 + i;
    const pixel = Math.floor(bit / channels.length);
    const [x, y] = [Math.floor(pixel / height), pixel % height];
    out[i >> 3] |= (data[(y * width + x) * 4 + channels[bit % channels.length]] & 1) << (7 - (i & 7));
  }
  return out;
}

/** The text in pixels; undefined without one. */
export function hiddenText(pixels: Pixels): string | undefined {
  for (const source of ['alpha', 'rgb'] as const) {
    const name = hiddenBytes(pixels, source, 0, signatureLength).toString('latin1');
    const signature = signatures[name as keyof typeof signatures];
    if (signature?.source !== source) continue;
    const size = hiddenBytes(pixels, source, signatureLength, 4);
    const length = size.length === 4 ? size.readUInt32BE(0) >>> 3 : 0;
    if (length === 0 || length > most.textBytes) return undefined;
    const body = hiddenBytes(pixels, source, signatureLength + 4, length);
    if (body.length < length) return undefined;
    try {
      return (signature.zipped ? gunzipSync(body, { maxOutputLength: most.textBytes }) : body).toString(
        'utf8',
      );
    } catch {
      return undefined; // the signature by chance, or pixels that were changed
    }
  }
  return undefined;
}

/** The text hidden in a picture without loss (PNG, WebP); undefined without one, or where it cannot be decoded. */
export async function readStealth(bytes: Uint8Array): Promise<string | undefined> {
  try {
    const image = sharp(bytes, { limitInputPixels: most.pixels }).ensureAlpha().raw();
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    return hiddenText({ width: info.width, height: info.height, data });
  } catch {
    return undefined;
  }
}
