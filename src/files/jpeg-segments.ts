/** @file Exif, XMP and comments in JPEG files (ITU-T T.81 annex B; XMP specification, part 3). */
import { badInput } from '../errors.ts';

const exifHead = Buffer.from('Exif\0\0', 'latin1');
const xmpHead = Buffer.from('http://ns.adobe.com/xap/1.0/\0', 'latin1');
const markers = { app1: 0xe1, comment: 0xfe, scan: 0xda, end: 0xd9 } as const;
/** A segment's length has 16 bits and counts itself. */
const maxBody = 0xffff - 2;

export interface PictureBlocks {
  /** A TIFF block. */
  readonly exif?: Uint8Array | undefined;
  readonly xmp?: string | undefined;
}

/** Bytes of the longer block with its head, and how many a JPEG holds. */
export function jpegTextLength({ exif, xmp }: PictureBlocks): {
  readonly bytes: number;
  readonly most: number;
} {
  const exifBytes = exif ? exifHead.length + exif.length : 0;
  const xmpBytes = xmp === undefined ? 0 : xmpHead.length + Buffer.byteLength(xmp);
  return { bytes: Math.max(exifBytes, xmpBytes), most: maxBody };
}

function app1(head: Buffer, body: Uint8Array): Buffer {
  const length = head.length + body.length;
  const start = Buffer.from([0xff, markers.app1, 0, 0]);
  start.writeUInt16BE(length + 2, 2);
  return Buffer.concat([start, head, body]);
}

/** A JPEG with these blocks right after its start. Throws JPEG_TEXT_TOO_LONG. */
export function withJpegBlocks(jpeg: Uint8Array, { exif, xmp }: PictureBlocks): Uint8Array {
  const { bytes, most } = jpegTextLength({ exif, xmp });
  if (bytes > most)
    throw badInput(
      'JPEG_TEXT_TOO_LONG',
      `the text of the picture has ${bytes} bytes; a JPEG holds ${most}`,
      'Write a PNG or a WebP, which hold any text.',
    );
  return Buffer.concat([
    jpeg.subarray(0, 2),
    ...(exif ? [app1(exifHead, exif)] : []),
    ...(xmp === undefined ? [] : [app1(xmpHead, Buffer.from(xmp))]),
    jpeg.subarray(2),
  ]);
}

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;

/** Blocks and comment of a JPEG, as far as its first scan. Throws JPEG_TRUNCATED, JPEG_DAMAGED. */
export function readJpegBlocks(
  bytes: Uint8Array,
  path = 'the picture',
): PictureBlocks & { readonly comment?: string | undefined } {
  const jpeg = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const startsWith = (at: number, head: Buffer) => jpeg.subarray(at, at + head.length).equals(head);
  let [exif, xmp, comment]: [Uint8Array?, string?, string?] = [];
  let position = 2;
  while (position + 2 <= jpeg.length) {
    if (jpeg[position] !== 0xff) throw badInput('JPEG_DAMAGED', `${path} has no marker at byte ${position}`);
    const marker = jpeg[position + 1];
    if (marker === markers.scan || marker === markers.end) return { exif, xmp, comment };
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      position += marker === 0xff ? 1 : 2; // a filling byte; markers that stand alone
      continue;
    }
    if (position + 4 > jpeg.length) break;
    const [body, end] = [position + 4, position + 2 + jpeg.readUInt16BE(position + 2)];
    if (end < body) throw badInput('JPEG_DAMAGED', `${path} has a segment of no length`);
    if (end > jpeg.length) break;
    if (marker === markers.app1 && startsWith(body, exifHead)) exif ??= jpeg.subarray(body + 6, end);
    if (marker === markers.app1 && startsWith(body, xmpHead))
      xmp ??= jpeg.toString('utf8', body + xmpHead.length, end);
    if (marker === markers.comment) comment ??= jpeg.toString('utf8', body, end);
    position = end;
  }
  throw badInput('JPEG_TRUNCATED', `${path} ends before its pixels`);
}
