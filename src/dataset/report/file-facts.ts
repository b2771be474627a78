/** @file What a picture's file says beside the pixels: rotation, place, colour profile, transparency. */
import { isBmp } from '../bmp.ts';
import { openStored } from '../inspect.ts';

export interface FileFacts {
  readonly format: string;
  readonly bytes: number;
  /** EXIF orientation 2 … 8 that was applied; 1 when there was nothing to turn. */
  readonly orientation: number;
  /** Whether the EXIF data says where the picture was taken. */
  readonly hasPlace: boolean;
  /** Name of the embedded profile; undefined without one. */
  readonly profile: string | undefined;
  /** As libvips calls it: srgb, b-w, cmyk, rgb16 … */
  readonly colorSpace: string;
  /** Share of pixels that are not wholly opaque. */
  readonly transparent: number;
}

const gpsPointer = 0x8825;

/** Whether IFD0 of EXIF data (TIFF 6.0, Exif 2.3 §4.6.3) points to a GPS block with a latitude. */
export function holdsPlace(exif: Uint8Array | undefined): boolean {
  if (!exif) return false;
  const start = exif[0] === 0x45 && exif[1] === 0x78 ? 6 : 0;
  const tiff = new DataView(exif.buffer, exif.byteOffset + start, Math.max(0, exif.byteLength - start));
  if (tiff.byteLength < 8) return false;
  const little = tiff.getUint16(0) === 0x4949;
  const entriesAt = (offset: number): { tag: number; value: number }[] => {
    if (offset + 2 > tiff.byteLength) return [];
    const count = Math.min(tiff.getUint16(offset, little), Math.floor((tiff.byteLength - offset - 2) / 12));
    return Array.from({ length: count }, (_, i) => ({
      tag: tiff.getUint16(offset + 2 + 12 * i, little),
      value: tiff.getUint32(offset + 10 + 12 * i, little),
    }));
  };
  const pointer = entriesAt(tiff.getUint32(4, little)).find(({ tag }) => tag === gpsPointer);
  const latitude = 2;
  return pointer !== undefined && entriesAt(pointer.value).some(({ tag }) => tag === latitude);
}

/** The description of an ICC profile (ICC.1:2022 §9.2.41, type `desc` of version 2 or `mluc`). */
export function profileName(icc: Uint8Array | undefined): string | undefined {
  if (!icc) return undefined;
  const view = new DataView(icc.buffer, icc.byteOffset, icc.byteLength);
  const text = (from: number, length: number): string =>
    Buffer.from(icc.subarray(from, from + length)).toString('latin1');
  const unknown = 'unnamed';
  if (icc.length < 132) return unknown;
  const count = Math.min(view.getUint32(128), Math.floor((icc.length - 132) / 12));
  for (let i = 0; i < count; i++) {
    const entry = 132 + 12 * i;
    if (text(entry, 4) !== 'desc') continue;
    const at = view.getUint32(entry + 4);
    if (at + 28 > icc.length) return unknown;
    if (text(at, 4) === 'desc') return clean(text(at + 12, Math.max(0, view.getUint32(at + 8) - 1)));
    const [length, offset] = [view.getUint32(at + 20), view.getUint32(at + 24)];
    const name = icc.subarray(at + offset, at + offset + Math.min(length, 400));
    return clean(name.length % 2 === 0 ? new TextDecoder('utf-16be').decode(name) : '');
  }
  return unknown;
}

const clean = (text: string): string =>
  text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 80) || 'unnamed';

const isPlainSpace = new Set(['srgb', 'rgb', 'rgb16', 'b-w', 'grey16']);

/** Whether colours have to be converted before training. */
export const isForeignColor = ({ colorSpace, profile }: FileFacts): boolean =>
  !isPlainSpace.has(colorSpace) ||
  (profile !== undefined && !/srgb|gr[ae]y|dot gain|unnamed|c2/i.test(profile));

async function transparentShare(bytes: Uint8Array): Promise<number> {
  const side = 64;
  const alpha = await openStored(bytes, false)
    .extractChannel('alpha')
    .resize(side, side, { fit: 'fill' })
    .raw({ depth: 'uchar' })
    .toBuffer();
  return alpha.filter(level => level < 250).length / alpha.length;
}

/** Reads the header of a picture that the scan has accepted. */
export async function fileFacts(bytes: Uint8Array): Promise<FileFacts> {
  const { format, orientation, exif, icc, space, hasAlpha } = await openStored(bytes, false).metadata();
  return {
    format: isBmp(bytes) ? 'bmp' : (format ?? 'unknown'),
    bytes: bytes.length,
    orientation: orientation ?? 1,
    hasPlace: holdsPlace(exif),
    profile: profileName(icc),
    colorSpace: space ?? 'unknown',
    transparent: hasAlpha ? await transparentShare(bytes) : 0,
  };
}
