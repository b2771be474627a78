/** @file Captions: decoding sidecar files, choosing where a caption comes from, adding the trigger word. */

import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { badInput } from '../errors.ts';
import { parseCaptionJson } from './caption-metadata.ts';
import { type DatasetWarning, firstLine } from './findings.ts';
import type { DrawRules } from './picture-rules.ts';

/** `file`: of an ending that was asked for; `none` means that the picture is trained with an empty caption. */
export type CaptionSource =
  | 'txt'
  | 'caption'
  | 'file'
  | 'json'
  | 'metadata'
  | 'given'
  | 'file name'
  | 'folder'
  | 'trigger'
  | 'none';

export interface Caption {
  /** Several lines only with wildcards, which draw one of them. */
  text: string;
  source: CaptionSource;
}

/** A caption that was written for one picture. */
interface WrittenCaption extends Caption {
  /** Where it stands. */
  path: string;
}

/** Everything a caption may come from, for one picture. */
export interface CaptionOffer {
  picture: string;
  /** Sidecar files that exist; the first with text wins. */
  files: readonly string[];
  /** What a metadata file says of the picture. */
  metadata?: { text: string; path: string } | undefined;
  given?: string | undefined;
  fileName?: string | undefined;
  classTokens?: string | undefined;
  trigger?: string | undefined;
  rules: Pick<DrawRules, 'wildcards' | 'tagSeparator'>;
}

/** CLIP reads 75 tokens at a time; a file this large holds something else. */
const mostCaptionBytes = 64 * 1024;
/** A picture's JSON file says other things, too. */
const mostJsonBytes = 1024 * 1024;

function decodeUtf16(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be', path: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw badInput('CAPTION_ENCODING', `${path}: broken UTF-16 text`, 'Save the caption as UTF-8.', error);
  }
}

/** Caption bytes → text: UTF-8, UTF-16 with a byte order mark, else windows-1252 with a warning. */
export function decodeCaption(bytes: Uint8Array, path: string, warnings: DatasetWarning[]): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeUtf16(bytes, 'utf-16le', path);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeUtf16(bytes, 'utf-16be', path);
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const message = `${path}: NUL byte at offset ${nul}; this is not a text file`;
    throw badInput('CAPTION_BINARY', message, 'Save the caption as UTF-8 text, or remove the file.');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const message = `${path} is not UTF-8; it was read as windows-1252`;
    warnings.push({ code: 'CAPTION_NOT_UTF8', message, path });
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

async function readCaptionFile(path: string, warnings: DatasetWarning[]): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    const most = extname(path).toLowerCase() === '.json' ? mostJsonBytes : mostCaptionBytes;
    if (size > most) {
      const message = `${path} has ${size} bytes; a caption has at most ${most}`;
      throw badInput('CAPTION_TOO_LARGE', message, 'Is this a caption? Shorten it, or remove the file.');
    }
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && error.name === 'LoraError') throw error;
    const message = `caption ${path} cannot be read: ${firstLine(error)}`;
    throw badInput('CAPTION_UNREADABLE', message, 'Check its permissions.', error);
  }
  return decodeCaption(bytes, path, warnings);
}

const sourceByEnding: Readonly<Record<string, CaptionSource>> = {
  '.txt': 'txt',
  '.caption': 'caption',
  '.json': 'json',
};

async function readSidecar(
  path: string,
  { rules, picture }: CaptionOffer,
  warnings: DatasetWarning[],
): Promise<WrittenCaption | undefined> {
  const source = sourceByEnding[extname(path).toLowerCase()] ?? 'file';
  const written = await readCaptionFile(path, warnings);
  const raw = source === 'json' ? parseCaptionJson(written, path, rules) : written;
  if (raw === undefined) {
    const message = `${path} holds no caption of ${picture} (looked for caption, text and tags)`;
    warnings.push({ code: 'CAPTION_JSON_WITHOUT', message, path });
    return undefined;
  }
  const text = readLines(raw, path, rules, warnings);
  if (text === '') warnings.push({ code: 'CAPTION_EMPTY', message: `${path} is empty`, path });
  return text === '' ? undefined : { text, source, path };
}

/** Lines that hold something: all of them for wildcards, else the first (as sd-scripts), with a warning. */
function readLines(
  raw: string,
  path: string,
  { wildcards }: Pick<DrawRules, 'wildcards'>,
  warnings: DatasetWarning[],
): string {
  const lines = raw
    .split(/\r\n|\r|\n/)
    .map(line => line.replace(/\s+/g, ' ').trim())
    .filter(line => line !== '');
  if (wildcards) return lines.join('\n');
  if (lines.length > 1) {
    const message = `${path} has ${lines.length} lines; only the first is read, unless wildcards are on`;
    warnings.push({ code: 'CAPTION_MANY_LINES', message, path });
  }
  return lines[0] ?? '';
}

/** What a caption falls back to, in order, when nothing was written for the picture. */
function fallbackCaption(offer: CaptionOffer): Caption {
  if (offer.given?.trim()) return { text: offer.given.trim(), source: 'given' };
  if (offer.fileName?.trim()) return { text: offer.fileName.trim(), source: 'file name' };
  if (offer.classTokens) return { text: offer.classTokens, source: 'folder' };
  if (offer.trigger?.trim()) return { text: offer.trigger.trim(), source: 'trigger' };
  return { text: '', source: 'none' };
}

function describe(caption: Caption): string {
  return caption.source === 'none' ? 'an empty caption' : `"${caption.text}" (${caption.source})`;
}

/** What was written for the picture: caption files, then its own JSON file, then metadata files. */
async function writtenCaption(
  offer: CaptionOffer,
  warnings: DatasetWarning[],
): Promise<WrittenCaption | undefined> {
  const found: WrittenCaption[] = [];
  for (const path of offer.files)
    found.push(...([await readSidecar(path, offer, warnings)].filter(Boolean) as WrittenCaption[]));
  if (offer.metadata) {
    const { path } = offer.metadata;
    const text = readLines(offer.metadata.text, `${path}, ${offer.picture}`, offer.rules, warnings);
    if (text !== '') found.push({ text, source: 'metadata', path });
  }
  const [first, ...others] = found;
  const other = others.find(({ text }) => text !== first.text);
  if (other) {
    const message = `${offer.picture}: ${first.path} and ${other.path} differ; the caption of ${first.path} is used`;
    warnings.push({ code: 'CAPTION_TWO_FILES', message, path: offer.picture });
  }
  return first;
}

/** Chooses the caption of one picture, and warns when a sidecar is empty or nothing was found. */
export async function chooseCaption(offer: CaptionOffer, warnings: DatasetWarning[]): Promise<Caption> {
  const written = await writtenCaption(offer, warnings);
  const caption = written ?? fallbackCaption(offer);
  const hadFile = offer.files.length > 0;
  if (!written && (hadFile || caption.source === 'none' || caption.source === 'trigger')) {
    const message = `${offer.picture} has no caption${hadFile ? ' text' : ' file'}; trained with ${describe(caption)}`;
    warnings.push({ code: hadFile ? 'CAPTION_FALLBACK' : 'CAPTION_MISSING', message, path: offer.picture });
  }
  const lines = caption.text.split('\n').map(line => withTrigger(line, offer.trigger));
  return { text: lines.join('\n'), source: caption.source };
}

const letterOrDigit = /[\p{L}\p{N}]/u;

export function holdsWord(text: string, word: string): boolean {
  const lowerText = text.toLowerCase();
  const lowerWord = word.toLowerCase();
  for (let at = lowerText.indexOf(lowerWord); at >= 0; at = lowerText.indexOf(lowerWord, at + 1)) {
    const before = lowerText[at - 1] ?? ' ';
    const after = lowerText[at + lowerWord.length] ?? ' ';
    if (!letterOrDigit.test(before) && !letterOrDigit.test(after)) return true;
  }
  return false;
}

/** Puts the trigger word in front of a caption that does not hold it as a word (case does not count, as in CLIP). */
export function withTrigger(caption: string, trigger: string | undefined): string {
  const word = trigger?.trim() ?? '';
  if (word === '' || holdsWord(caption, word)) return caption;
  return caption === '' ? word : `${word}, ${caption}`;
}
