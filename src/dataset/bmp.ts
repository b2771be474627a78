/** @file Reads uncompressed BMP files (BITMAPINFOHEADER and later, BITMAPCOREHEADER), which libvips does not. */

export interface BmpHeader {
  width: number;
  height: number;
  hasAlpha: boolean;
}

interface Layout extends BmpHeader {
  isTopDown: boolean;
  bits: number;
  /** Where the pixels start. */
  offset: number;
  rowBytes: number;
  /** Three bytes a colour, red first; for 1, 4 and 8 bits a pixel. */
  palette: Uint8Array;
  /** Red, green, blue, alpha; for 16 and 32 bits a pixel. */
  masks: number[];
}

/** `biCompression`. */
const plain = 0;
const bitFields = new Set([3, 6]);

const usualMasks: Readonly<Record<number, number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f, 0],
  32: [0xff0000, 0xff00, 0xff, 0],
};

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

function readPalette(bytes: Uint8Array, start: number, count: number, entryBytes: number): Uint8Array {
  return Uint8Array.from({ length: 3 * count }, (_, i) => {
    const at = start + entryBytes * Math.floor(i / 3) + 2 - (i % 3);
    return bytes[at] ?? 0;
  });
}

function readMasks(view: DataView, headerBytes: number, bits: number, compression: number): number[] {
  if (!bitFields.has(compression)) return usualMasks[bits] ?? [];
  const count = headerBytes >= 56 || compression === 6 ? 4 : 3;
  const masks = Array.from({ length: count }, (_, i) => view.getUint32(54 + 4 * i, true));
  return [...masks, 0].slice(0, 4);
}

function readLayout(bytes: Uint8Array): Layout {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(14, true);
  const isCore = headerBytes === 12;
  if (!isCore && headerBytes < 40) throw new Error(`BMP header of ${headerBytes} bytes`);
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? plain : view.getUint32(30, true);
  const isKnown = [1, 4, 8, 16, 24, 32].includes(bits);
  const hasFields = bitFields.has(compression) && (bits === 16 || bits === 32);
  if (!isKnown || (compression !== plain && !hasFields)) {
    throw new Error(`BMP of ${bits} bits with compression ${compression} cannot be read; save it as PNG`);
  }
  const height = Math.abs(signedHeight);
  if (width < 1 || height < 1) throw new Error(`BMP of ${width}x${signedHeight} pixels`);
  const masks = readMasks(view, headerBytes, bits, compression);
  const colours = isCore ? 0 : view.getUint32(46, true);
  const count = bits <= 8 ? Math.min(colours || 2 ** bits, 2 ** bits) : 0;
  return {
    ...{ width, height, bits, masks, isTopDown: signedHeight < 0 },
    hasAlpha: (masks[3] ?? 0) !== 0,
    offset: view.getUint32(10, true),
    rowBytes: Math.floor((width * bits + 31) / 32) * 4,
    palette: readPalette(bytes, 14 + headerBytes, count, isCore ? 3 : 4),
  };
}

/** Size and alpha; throws when it is of a kind that is not read. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const { width, height, hasAlpha } = readLayout(bytes);
  return { width, height, hasAlpha };
}

/** The value of a bit field as 0 … 255; fields that are not there are opaque. */
function fieldReader(mask: number): (word: number) => number {
  if (mask === 0) return () => 255;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return word => Math.round((255 * ((word & mask) >>> shift)) / most);
}

/** Writes one pixel of a row to `out` at `to`. */
type PixelReader = (row: number, x: number, out: Uint8Array, to: number) => void;

function pixelReader(bytes: Uint8Array, { bits, palette, masks, hasAlpha }: Layout): PixelReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bits <= 8) {
    const perByte = 8 / bits;
    return (row, x, out, to) => {
      const shift = bits * (perByte - 1 - (x % perByte));
      const index = (bytes[row + Math.floor(x / perByte)] >> shift) & (2 ** bits - 1);
      for (let c = 0; c < 3; c++) out[to + c] = palette[3 * index + c] ?? 0;
    };
  }
  if (bits === 24) {
    return (row, x, out, to) => {
      for (let c = 0; c < 3; c++) out[to + c] = bytes[row + 3 * x + 2 - c];
    };
  }
  const fields = masks.slice(0, hasAlpha ? 4 : 3).map(fieldReader);
  return (row, x, out, to) => {
    const word = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    for (let c = 0; c < fields.length; c++) out[to + c] = fields[c](word);
  };
}

export interface BmpPixels extends BmpHeader {
  /** Interleaved RGB, or RGBA with `hasAlpha`. */
  data: Uint8Array;
}

/** Decodes a BMP file; throws when it ends too early. */
export function decodeBmp(bytes: Uint8Array): BmpPixels {
  const layout = readLayout(bytes);
  const { width, height, hasAlpha, offset, rowBytes, isTopDown } = layout;
  if (offset + rowBytes * height > bytes.length) {
    throw new Error(`BMP of ${bytes.length} bytes; its pixels end at ${offset + rowBytes * height}`);
  }
  const channels = hasAlpha ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const read = pixelReader(bytes, layout);
  for (let y = 0; y < height; y++) {
    const row = offset + rowBytes * (isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) read(row, x, data, (y * width + x) * channels);
  }
  return { width, height, hasAlpha, data };
}
