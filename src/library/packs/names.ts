/** @file Names of files in archives: what may become a file here, on any system. */
import { badInput, type LoraError } from '../../errors.ts';
import { printable } from '../../files/index.ts';

/** With `.preview.png` and `-2` behind it a name still fits into 255 bytes. */
export const longestStem = 200;
const longestPath = 1000;

const damaged = 'The archive is damaged or was made to do harm; do not unpack it by other means either.';

/** Devices of Windows, with any ending. */
const reserved = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|com[\d¹²³]|lpt[\d¹²³])$/i;

/** Control characters, and those that turn the direction of text so that another ending is seen. */
const invisible = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
const forbidden = /[<>:"|?*\\/]/;

/** What is wrong with a name of a file, or nothing. */
export function misnamed(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (!name.isWellFormed() || invisible.test(name)) return 'has characters that are not shown';
  if (forbidden.test(name)) return 'has characters that not every system allows';
  if (/[. ]$/.test(name) || /^[. ]/.test(name)) return 'begins or ends with a dot or a space';
  if (reserved.test(name.split('.')[0].trim())) return 'is the name of a device';
  if (Buffer.byteLength(name) > longestStem + 55) return `has ${Buffer.byteLength(name)} bytes`;
  return undefined;
}

/** Whether a path leads out of the folder that it is unpacked to, by any reader's understanding. */
function leadsOut(path: string): boolean {
  if (/^[/\\~]/.test(path) || /^[a-z]:/i.test(path) || path.includes('\\')) return true;
  if (/%(2e|2f|5c|00|25)/i.test(path)) return true;
  const folded = path.normalize('NFKC').replace(/[∕⁄⧸／＼]/g, '/');
  return folded.split('/').some(part => /^[.\s]+$/.test(part));
}

/** Throws PACK_PATH or PACK_NAME for a member's name that is not only a name in folders. */
export function checkPath(path: string, pack: string): void {
  const shown = printable(path);
  const fail = (code: string, why: string): LoraError =>
    badInput(code, `${pack}: the member ${shown} ${why}`, damaged);
  if (path.length > longestPath) throw fail('PACK_NAME', `has a name of ${path.length} letters`);
  if (path.includes('\0')) throw fail('PACK_PATH', 'has a zero byte in its name');
  if (leadsOut(path)) throw fail('PACK_PATH', 'leads out of the folder that it is unpacked to');
  if (path.split('/').some((part, i, all) => part === '' && i < all.length - 1))
    throw fail('PACK_NAME', 'has a folder without a name');
}

/** Names that are the same on a system that does not tell capitals or accents apart. */
export const collisionKey = (path: string): string => path.normalize('NFKC').toLowerCase().replace(/\/$/, '');

/** A name for a pack's LoRA, of the user's file name. */
export function safeStem(name: string): string {
  const plain = name
    .normalize('NFC')
    .replace(/[<>:"|?*\\/]/g, '-')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, '')
    .replace(/^[. ]+|[. ]+$/g, '');
  let short = plain;
  while (Buffer.byteLength(short) > longestStem) short = [...short].slice(0, -1).join('');
  return misnamed(short) === undefined ? short : `lora-${short}`.slice(0, longestStem);
}
