/** @file Reads the text of PNG pictures (W3C PNG, third edition), within limits. */
import { crc32, inflateSync } from 'node:zlib';
import { badInput, type LoraError } from '../errors.ts';
import { pngSignature } from './png.ts';

/** All text of one picture together, its chunks and what they unpack to: more is an attack, not a prompt. */
const maxTextBytes = 16 * 2 ** 20;
const maxTexts = 10_000;

const tooLong = (path: string, most = `${maxTextBytes / 2 ** 20} MiB of text`): LoraError =>
  badInput('PNG_TEXT_TOO_LONG', `${path} holds more than ${most}`);

function inflate(bytes: Uint8Array, path: string): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: maxTextBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(path);
    throw badInput('PNG_DAMAGED', `${path}: a compressed text cannot be unpacked`, undefined, cause);
  }
}

/** Keyword and text of a tEXt, zTXt or iTXt chunk; undefined where its parts are not there. */
function decodeText(type: string, body: Buffer, path: string): [string, string] | undefined {
  const end = body.indexOf(0);
  if (end < 1) return undefined;
  const keyword = body.toString('latin1', 0, end);
  if (type === 'tEXt') return [keyword, body.toString('latin1', end + 1)];
  if (type === 'zTXt') return [keyword, inflate(body.subarray(end + 2), path).toString('latin1')];
  const compressed = body[end + 1] === 1;
  const languageEnd = body.indexOf(0, end + 3);
  const translatedEnd = body.indexOf(0, languageEnd + 1);
  if (languageEnd < 0 || translatedEnd < 0) return undefined;
  const rest = body.subarray(translatedEnd + 1);
  return [keyword, (compressed ? inflate(rest, path) : rest).toString('utf8')];
}

const read = new Set(['tEXt', 'zTXt', 'iTXt', 'eXIf']);

export interface PngTexts {
  /** By keyword. */
  readonly texts: Record<string, string>;
  /** The body of an eXIf chunk. */
  readonly exif?: Uint8Array;
}

/** What a PNG says beside its pixels. Throws PNG_* for what is not a whole PNG. */
export function readPngTexts(bytes: Uint8Array, path = 'the picture'): PngTexts {
  const png = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!png.subarray(0, 8).equals(pngSignature)) throw badInput('PNG_INVALID', `${path} is not a PNG`);
  const texts: [string, string][] = [];
  let exif: Uint8Array | undefined;
  let textLength = 0;
  let position = 8;
  while (position + 12 <= png.length) {
    const end = position + 12 + png.readUInt32BE(position);
    if (end > png.length) throw badInput('PNG_TRUNCATED', `${path} ends inside a chunk`);
    const type = png.toString('latin1', position + 4, position + 8);
    if (type === 'IEND') return { texts: Object.fromEntries(texts), ...(exif ? { exif } : {}) };
    if (read.has(type)) {
      textLength += end - position;
      if (textLength > maxTextBytes) throw tooLong(path);
      if (texts.length >= maxTexts) throw tooLong(path, `${maxTexts} texts`);
      if (png.readUInt32BE(end - 4) !== crc32(png.subarray(position + 4, end - 4)))
        throw badInput('PNG_DAMAGED', `${path}: the checksum of a ${type} chunk is wrong`);
      const body = png.subarray(position + 8, end - 4);
      if (type === 'eXIf') exif = body;
      const entry = type === 'eXIf' ? undefined : decodeText(type, body, path);
      if (entry) texts.push(entry);
      textLength += Math.max(0, (entry?.[1].length ?? 0) - body.length); // what unpacking added
      if (textLength > maxTextBytes) throw tooLong(path);
    }
    position = end;
  }
  throw badInput('PNG_TRUNCATED', `${path} has no end chunk`);
}

/** The text chunks of a PNG, by keyword. Throws PNG_* for what is not a whole PNG. */
export const readPngText = (bytes: Uint8Array, path?: string): Record<string, string> =>
  readPngTexts(bytes, path).texts;
