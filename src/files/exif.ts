/** @file Exif (CIPA DC-008) as far as text goes: the block with a user comment, and the texts of a block. */
import { badInput } from '../errors.ts';

const tags = { exifFolder: 0x8769, userComment: 0x9286 } as const;
/** Other tags that programs put texts in. */
const textTags: Readonly<Record<number, ExifTag>> = {
  270: 'ImageDescription',
  271: 'Make',
  272: 'Model',
  305: 'Software',
  37500: 'MakerNote',
};
export type ExifTag = 'ImageDescription' | 'Make' | 'Model' | 'Software' | 'MakerNote' | 'UserComment';

const unicode = Buffer.from('UNICODE\0', 'latin1');

/** A TIFF block with a user comment in UTF-16, big-endian, which is how piexif and A1111 write it. */
export function exifWithComment(comment: string): Uint8Array {
  const text = Buffer.concat([unicode, Buffer.from(comment, 'utf16le').swap16()]);
  const entry = (tag: number, type: number, count: number, value: number): Buffer => {
    const out = Buffer.alloc(12);
    out.writeUInt16BE(tag, 0);
    out.writeUInt16BE(type, 2);
    out.writeUInt32BE(count, 4);
    out.writeUInt32BE(value, 8);
    return out;
  };
  const folder = (only: Buffer): Buffer => Buffer.concat([Buffer.from([0, 1]), only, Buffer.alloc(4)]);
  const [second, value] = [26, 44]; // bytes from the start of the block
  return Buffer.concat([
    Buffer.from('MM\0*\0\0\0\b', 'latin1'),
    folder(entry(tags.exifFolder, 4, 1, second)),
    folder(entry(tags.userComment, 7, text.length, value)),
    text,
  ]);
}

/** UTF-16 of either order: with a mark, or else the order in which more of it is ASCII. */
function decodeUtf16(bytes: Buffer): string {
  const even = bytes.subarray(0, bytes.length & ~1);
  const swapped = Buffer.from(even).swap16();
  const ascii = (text: Buffer): number => {
    let count = 0;
    for (let i = 0; i < text.length; i += 2) if (text[i + 1] === 0 && text[i] < 128) count++;
    return count;
  };
  const mark = even.length >= 2 ? even.readUInt16BE(0) : 0;
  const isLittle = mark === 0xfffe || (mark !== 0xfeff && ascii(even) > ascii(swapped));
  const text = (isLittle ? even : swapped).toString('utf16le');
  return text.replace(/^\uFEFF/, '');
}

/** UTF-8, or else Latin-1. */
function decodeBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

const withoutPadding = (text: string): string => {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
};

function decodeComment(bytes: Buffer): string {
  const body = bytes.subarray(8);
  if (bytes.subarray(0, 8).equals(unicode)) return withoutPadding(decodeUtf16(body));
  const isCoded = /^(?:ASCII\0\0\0|\0{8})/.test(bytes.toString('latin1', 0, 8));
  return withoutPadding(decodeBytes(isCoded ? body : bytes));
}

/** More than any picture has: a wrong count. */
const most = { entries: 4096, textBytes: 16 * 2 ** 20 };

/** The texts of a TIFF block, with or without `Exif\0\0` before it. Throws EXIF_DAMAGED. */
export function readExif(given: Uint8Array, path = 'the picture'): Partial<Record<ExifTag, string>> {
  const whole = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const block = whole.toString('latin1', 0, 6) === 'Exif\0\0' ? whole.subarray(6) : whole;
  const damaged = (why: string) => badInput('EXIF_DAMAGED', `${path}: the Exif block ${why}`);
  const order = block.toString('latin1', 0, 2);
  if (block.length < 8 || (order !== 'MM' && order !== 'II')) throw damaged('has no byte order');
  const u16 = (at: number) => (order === 'MM' ? block.readUInt16BE(at) : block.readUInt16LE(at));
  const u32 = (at: number) => (order === 'MM' ? block.readUInt32BE(at) : block.readUInt32LE(at));
  const found: Partial<Record<ExifTag, string>> = {};
  const readFolder = (start: number, isFirst: boolean): void => {
    if (start + 2 > block.length) throw damaged(`ends before ${start + 2} bytes`);
    const count = u16(start);
    if (count > most.entries) throw damaged(`has ${count} entries in one directory`);
    if (start + 2 + count * 12 > block.length) throw damaged('ends inside a directory');
    for (let i = 0; i < count; i++) {
      const at = start + 2 + i * 12;
      const tag = u16(at);
      if (tag === tags.exifFolder && isFirst) readFolder(u32(at + 8), false);
      const name = tag === tags.userComment ? 'UserComment' : textTags[tag];
      // Types of one byte an element: BYTE, ASCII, UNDEFINED, UTF-8.
      if (name === undefined || name in found || ![1, 2, 7, 129].includes(u16(at + 2))) continue;
      const length = u32(at + 4);
      if (length > most.textBytes) throw damaged(`has a ${name} of ${length} bytes`);
      const from = length <= 4 ? at + 8 : u32(at + 8);
      if (from + length > block.length) throw damaged(`ends inside ${name}`);
      const value = block.subarray(from, from + length);
      found[name] = name === 'UserComment' ? decodeComment(value) : withoutPadding(decodeBytes(value));
    }
  };
  readFolder(u32(4), true);
  return found;
}
