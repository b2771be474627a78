/** @file The comment of a GIF (GIF89a, §24). */
import { badInput } from '../errors.ts';

export const isGif = (bytes: Uint8Array): boolean =>
  /^GIF8[79]a$/.test(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(6, bytes.length)).toString('latin1'),
  );

const marks = { extension: 0x21, comment: 0xfe, image: 0x2c, end: 0x3b } as const;
const colorTableSize = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** All comments together; undefined without one. Throws GIF_TRUNCATED. */
export function readGifComment(bytes: Uint8Array, path = 'the picture'): string | undefined {
  const truncated = () => badInput('GIF_TRUNCATED', `${path} ends inside a block`);
  if (bytes.length < 14) throw truncated();
  const parts: Uint8Array[] = [];
  let position = 13 + colorTableSize(bytes[10]);
  /** Sub-blocks: a length and that many bytes, as long as the length is not 0. */
  const passBlocks = (keep: boolean): void => {
    while (bytes[position] > 0) {
      const end = position + 1 + bytes[position];
      if (keep) parts.push(bytes.subarray(position + 1, end));
      position = end;
    }
    position++;
  };
  while (position < bytes.length) {
    const mark = bytes[position];
    if (mark === marks.end) return parts.length > 0 ? Buffer.concat(parts).toString('utf8') : undefined;
    if (mark === marks.extension) {
      const isComment = bytes[position + 1] === marks.comment;
      position += 2;
      passBlocks(isComment);
    } else if (mark === marks.image) {
      position += 11 + colorTableSize(bytes[position + 9] ?? 0);
      passBlocks(false);
    } else throw badInput('GIF_DAMAGED', `${path} has an unknown block at byte ${position}`);
  }
  throw truncated();
}
