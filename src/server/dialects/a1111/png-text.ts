/** @file Texts into a PNG that is already encoded (W3C PNG, third edition). */
import { crc32 } from 'node:zlib';

/** The signature and the first chunk, IHDR. */
const headerBytes = 33;

/** What tEXt may hold. */
const isLatin = (text: string): boolean => /^[\n\x20-\x7e\xa0-\xff]*$/.test(text);

function textChunk(keyword: string, text: string): Buffer {
  // iTXt: not compressed, no language, no translated keyword.
  const [type, body] = isLatin(text)
    ? ['tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1')]
    : ['iTXt', Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text, 'utf8')])];
  const chunk = Buffer.alloc(12 + body.length);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write(type, 4, 'latin1');
  body.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + body.length)), 8 + body.length);
  return chunk;
}

/** By keyword; empty ones are left out. */
export function withPngText(png: Buffer, texts: Readonly<Record<string, string>>): Buffer {
  const chunks = Object.entries(texts)
    .filter(([, text]) => text !== '')
    .map(([keyword, text]) => textChunk(keyword, text));
  return Buffer.concat([png.subarray(0, headerBytes), ...chunks, png.subarray(headerBytes)]);
}
