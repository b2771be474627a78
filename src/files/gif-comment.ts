/** @file The comment of a GIF (GIF89a, §24). */
import { badInput } from '../errors.ts';

export const isGif = (bytes: Uint8Array): boolean =>
  /^GIF8[79]a$/.test(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(6, bytes.length)).toString('latin1'),
  );

const marks = { extension: 0x21, comment: 0xfe, image: 0x2c, end: 0x3b } as const;
const colorTableSize = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** All comments of one picture together: more is an attack, not a prompt. */
const maxTextBytes = 16 * 2 ** 20;

/** All comments together; undefined without one. Throws GIF_TRUNCATED, GIF_DAMAGED, GIF_TEXT_TOO_LONG. */
export function readGifComment(bytes: Uint8Array, path = 'the picture'): string | undefined {
  const truncated = () => badInput('GIF_TRUNCATED', `${path} ends inside a block`);
  if (bytes.length < 14) throw truncated();
  /** One memory for all: a view of each block would take a hundred times its bytes. */
  let text: Buffer | undefined;
  let length = 0;
  let position = 13 + colorTableSize(bytes[10]);
  const append = (part: Uint8Array): void => {
    if (length + part.length > maxTextBytes)
      throw badInput('GIF_TEXT_TOO_LONG', `${path} holds more than ${maxTextBytes / 2 ** 20} MiB of text`);
    text ??= Buffer.alloc(Math.min(bytes.length, maxTextBytes));
    text.set(part, length);
    length += part.length;
  };
  /** Sub-blocks: a length and that many bytes, as long as the length is not 0. */
  const passBlocks = (keep: boolean): void => {
    while (bytes[position] > 0) {
      const end = position + 1 + bytes[position];
      if (keep) append(bytes.subarray(position + 1, end));
      position = end;
    }
    position++;
  };
  while (position < bytes.length) {
    const mark = bytes[position];
    if (mark === marks.end) return text?.toString('utf8', 0, length);
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
