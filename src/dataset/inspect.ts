/** @file Opens one picture file: what it holds, its size after EXIF rotation, or why it cannot be trained on. */

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { decodeBmp, isBmp, readBmpHeader } from './bmp.ts';
import { firstLine, type Skip } from './findings.ts';

/** Files with these extensions are taken for pictures. */
export const pictureExtensions = ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.tif', '.tiff', '.gif', '.bmp'];

/** Pictures by name that no reader here opens: they are reported, not passed over. */
const otherPictureExtensions = new Set(
  '.heic .heif .jxl .jp2 .svg .psd .xcf .ico .tga .exr .hdr .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf'.split(
    ' ',
  ),
);

export interface PictureFacts {
  width: number;
  height: number;
  /** sha256 of the file, hex. */
  hash: string;
  /** More than one for animations and multi-page TIFF; the first is used. */
  frames: number;
  hasAlpha: boolean;
}

export interface InspectLimits {
  minSide: number;
  maxPixels: number;
}

export const mostFileBytes = 1024 ** 3;

export type FileKind = 'picture' | 'foreign picture' | 'other';

/** Judges a file by its name alone. */
export function kindOfFile(name: string): FileKind {
  const extension = extname(name).toLowerCase();
  if (pictureExtensions.includes(extension)) return 'picture';
  return otherPictureExtensions.has(extension) ? 'foreign picture' : 'other';
}

function startsWith(bytes: Uint8Array, text: string, offset = 0): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The format by the first bytes. File names lie, and libvips would also open SVG or PDF under a `.png` name. */
function sniffFormat(bytes: Uint8Array): string | undefined {
  if (startsWith(bytes, '\xff\xd8\xff')) return 'jpeg';
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return 'png';
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return 'webp';
  if (startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a')) return 'gif';
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some(mark => startsWith(bytes, mark))) return 'tiff';
  if (startsWith(bytes, 'ftyp', 4)) return /avi[fs]|mif1|msf1/.test(brands(bytes)) ? 'avif' : 'heic';
  if (startsWith(bytes, 'BM')) return 'bmp';
  return undefined;
}

function brands(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(8, 32)).toString('latin1');
}

function looksLikeText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 512).every(byte => byte >= 32 || (byte >= 9 && byte <= 13));
}

const readable = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif', 'bmp']);

/** Why the bytes cannot be a picture that is read here; undefined when they may be one. */
export function refuseFormat(bytes: Uint8Array): { code: string; reason: string } | undefined {
  if (bytes.length === 0) return { code: 'PICTURE_BROKEN', reason: 'the file is empty' };
  const format = sniffFormat(bytes);
  if (format === undefined) {
    const what = looksLikeText(bytes) ? 'holds text, not a picture' : 'does not begin like any known picture';
    return { code: 'PICTURE_NOT_A_PICTURE', reason: what };
  }
  if (readable.has(format)) return undefined;
  return {
    code: 'PICTURE_FORMAT_UNSUPPORTED',
    reason: `${format.toUpperCase()} cannot be read; save it as PNG or JPEG`,
  };
}

export interface PictureHeader {
  /** After EXIF rotation. */
  width: number;
  height: number;
  frames: number;
  hasAlpha: boolean;
}

/** What the header of a picture says, however large it is. */
export async function readHeader(bytes: Uint8Array): Promise<PictureHeader> {
  if (isBmp(bytes)) return { ...readBmpHeader(bytes), frames: 1 };
  const header = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  const { width, height } = header.autoOrient;
  return { width, height, frames: header.pages ?? 1, hasAlpha: header.hasAlpha };
}

/** Opens a picture as it is stored: its first frame, not turned. `false` sets no limit to its pixels. */
export function openStored(bytes: Uint8Array, maxPixels: number | false, options: SharpOptions = {}): Sharp {
  const limits = { limitInputPixels: maxPixels };
  if (!isBmp(bytes)) return sharp(bytes, { pages: 1, ...options, ...limits });
  const { data, width, height, hasAlpha } = decodeBmp(bytes);
  return sharp(data, { raw: { width, height, channels: hasAlpha ? 4 : 3 }, ...limits });
}

/** How every reader opens a picture: first frame, upright, a damaged file is an error. */
export function openPicture(bytes: Uint8Array, maxPixels: number): Sharp {
  return openStored(bytes, maxPixels, { failOn: 'error', autoOrient: true });
}

async function decodeWholly(bytes: Uint8Array, maxPixels: number): Promise<void> {
  await openPicture(bytes, maxPixels).resize(8, 8, { fit: 'fill' }).raw().toBuffer();
}

async function inspectBytes(
  path: string,
  bytes: Uint8Array,
  limits: InspectLimits,
): Promise<PictureFacts | Skip> {
  const refused = refuseFormat(bytes);
  if (refused) return { path, ...refused };
  const { width, height, frames, hasAlpha } = await readHeader(bytes);
  if (width * height > limits.maxPixels) {
    const reason = `${width}x${height} is ${Math.round((width * height) / 1e6)} megapixels; the limit is ${Math.round(limits.maxPixels / 1e6)}`;
    return { path, code: 'PICTURE_TOO_LARGE', reason };
  }
  if (Math.min(width, height) < limits.minSide) {
    const reason = `${width}x${height} is too small; each side needs ${limits.minSide} pixels`;
    return { path, code: 'PICTURE_TOO_SMALL', reason };
  }
  await decodeWholly(bytes, limits.maxPixels);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { width, height, hash, frames, hasAlpha };
}

/** Says what a picture is, or why it cannot be used. */
export type Inspect = (path: string, limits: InspectLimits) => Promise<PictureFacts | Skip>;

/** Decodes the bytes of a picture's file; says why it cannot be used instead of throwing. */
export async function inspectRead(
  path: string,
  bytes: Uint8Array,
  limits: InspectLimits,
): Promise<PictureFacts | Skip> {
  try {
    return await inspectBytes(path, bytes, limits);
  } catch (error) {
    return { path, code: 'PICTURE_BROKEN', reason: `cannot be decoded: ${firstLine(error)}` };
  }
}

/** Reads and decodes one picture; says why it cannot be used instead of throwing. */
export async function inspectPicture(path: string, limits: InspectLimits): Promise<PictureFacts | Skip> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > mostFileBytes) {
      return {
        path,
        code: 'PICTURE_TOO_LARGE',
        reason: `the file has ${size} bytes; the limit is ${mostFileBytes}`,
      };
    }
    bytes = await readFile(path);
  } catch (error) {
    return { path, code: 'FILE_UNREADABLE', reason: `cannot be opened: ${firstLine(error)}` };
  }
  return inspectRead(path, bytes, limits);
}
