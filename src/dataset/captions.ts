/** @file Captions: decoding sidecar files, choosing where a caption comes from, adding the trigger word. */

import { readFile, stat } from 'node:fs/promises';
import { badInput } from '../errors.ts';
import { type DatasetWarning, firstLine } from './findings.ts';

/** `none` means that the picture is trained with an empty caption. */
export type CaptionSource = 'txt' | 'caption' | 'given' | 'file name' | 'folder' | 'trigger' | 'none';

export interface Caption {
  text: string;
  source: CaptionSource;
}

/** Everything a caption may come from, for one picture. */
export interface CaptionOffer {
  picture: string;
  /** Paths of the sidecar files that exist. */
  txt?: string | undefined;
  caption?: string | undefined;
  given?: string | undefined;
  fileName?: string | undefined;
  classTokens?: string | undefined;
  trigger?: string | undefined;
}

/** CLIP reads 75 tokens at a time; a file this large holds something else. */
const mostCaptionBytes = 64 * 1024;

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
    if (size > mostCaptionBytes) {
      const message = `${path} has ${size} bytes; a caption has at most ${mostCaptionBytes}`;
      throw badInput('CAPTION_TOO_LARGE', message, 'Is this a caption? Shorten it, or remove the file.');
    }
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && error.name === 'LoraError') throw error;
    const message = `caption ${path} cannot be read: ${firstLine(error)}`;
    throw badInput('CAPTION_UNREADABLE', message, 'Check its permissions.', error);
  }
  return decodeCaption(bytes, path, warnings).replace(/\s+/g, ' ').trim();
}

/** What a caption falls back to, in order, when there is no sidecar file with text. */
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

async function sidecarCaption(offer: CaptionOffer, warnings: DatasetWarning[]): Promise<Caption | undefined> {
  const files: [path: string | undefined, source: 'txt' | 'caption'][] = [
    [offer.txt, 'txt'],
    [offer.caption, 'caption'],
  ];
  const found: Caption[] = [];
  for (const [path, source] of files) {
    if (path === undefined) continue;
    const text = await readCaptionFile(path, warnings);
    if (text !== '') found.push({ text, source });
    else warnings.push({ code: 'CAPTION_EMPTY', message: `${path} is empty`, path });
  }
  if (found.length > 1 && found[0].text !== found[1].text) {
    const message = `${offer.picture} has a .txt and a .caption file that differ; the .txt file is used`;
    warnings.push({ code: 'CAPTION_TWO_FILES', message, path: offer.picture });
  }
  return found[0];
}

/** Chooses the caption of one picture, and warns when a sidecar is empty or nothing was found. */
export async function chooseCaption(offer: CaptionOffer, warnings: DatasetWarning[]): Promise<Caption> {
  const fromFile = await sidecarCaption(offer, warnings);
  const caption = fromFile ?? fallbackCaption(offer);
  const hadFile = offer.txt !== undefined || offer.caption !== undefined;
  if (!fromFile && (hadFile || caption.source === 'none' || caption.source === 'trigger')) {
    const message = `${offer.picture} has no caption${hadFile ? ' text' : ' file'}; trained with ${describe(caption)}`;
    warnings.push({ code: hadFile ? 'CAPTION_FALLBACK' : 'CAPTION_MISSING', message, path: offer.picture });
  }
  return { text: withTrigger(caption.text, offer.trigger), source: caption.source };
}

const letterOrDigit = /[\p{L}\p{N}]/u;

function holdsWord(text: string, word: string): boolean {
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
