/**
 * @file Names from outside become paths within a folder, or are refused. Every form is refused on every system, so that a
 * data folder means the same wherever it is carried: Windows reads `\`, drives, devices and trailing dots in ways of its own.
 */
import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { badInput, type LoraError } from '../errors.ts';
import { systemCode } from './write-errors.ts';

/** What file systems hold: ext4, APFS and NTFS 255 a name, Linux 4096 a path. */
const mostBytes = { segment: 255, whole: 4096 } as const;
const mostDecodings = 4;

/** Percent signs that decoders of the past took for `.`, `/` and `\`: overlong UTF-8 and Microsoft's `%u`. */
const oddEncodings: readonly (readonly [pattern: RegExp, stands: string])[] = [
  [/%c0%ae|%e0%80%ae|%f0%80%80%ae|%u002e|%uff0e/gi, '.'],
  [/%c0%af|%e0%80%af|%f0%80%80%af|%u002f|%u2215|%u2044|%uff0f|%c0%2f/gi, '/'],
  [/%c1%9c|%c0%5c|%e0%81%9c|%u005c|%u2216|%uff3c/gi, '\\'],
  [/%c0%80|%u0000/gi, '\0'],
];

/** Once. What is no encoding stays as it is: `100%.png` is a name. */
function decodeOnce(text: string): string {
  const plain = oddEncodings.reduce((left, [pattern, stands]) => left.replace(pattern, stands), text);
  return plain.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    }
  });
}

/** The name, and whatever it becomes where somebody decodes it again. */
function readings(name: string): string[] {
  const all = [name];
  for (let i = 0; i < mostDecodings; i++) {
    const next = decodeOnce(all[i]);
    if (next === all[i]) return all;
    all.push(next);
  }
  return all;
}

const device = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[ .:]|$)/iu;
/** Characters that HFS+ leaves out when it compares names. */
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;

interface Rule {
  readonly says: string;
  readonly isBroken: (text: string) => boolean;
}

const wholeRules: readonly Rule[] = [
  { says: 'it is empty', isBroken: text => text === '' },
  { says: 'it is too long', isBroken: text => Buffer.byteLength(text) > mostBytes.whole },
  { says: 'it has control characters', isBroken: text => /\p{Cc}/u.test(text) },
  { says: 'it is no text', isBroken: text => !text.isWellFormed() },
  { says: 'it has a backslash', isBroken: text => text.includes('\\') },
  { says: 'it is absolute', isBroken: text => text.startsWith('/') },
];

const segmentRules: readonly Rule[] = [
  { says: 'it names a drive', isBroken: part => /^[a-z]:/i.test(part) },
  { says: 'a part of it is empty', isBroken: part => part === '' },
  { says: 'it leads upwards', isBroken: part => /^\.+$/.test(part.replace(ignorable, '').normalize('NFKC')) },
  { says: 'a part of it is too long', isBroken: part => Buffer.byteLength(part) > mostBytes.segment },
  { says: 'a part of it ends with a dot or a blank', isBroken: part => /[. ]$/.test(part) },
  { says: 'a part of it begins with a blank', isBroken: part => part.startsWith(' ') },
  { says: 'it names a device', isBroken: part => device.test(part) },
  { says: 'it names a home folder', isBroken: part => part === '~' },
  { says: 'it names a hidden stream', isBroken: part => /::|:\$/.test(part) },
  { says: 'it has a colon', isBroken: part => process.platform === 'win32' && part.includes(':') },
  { says: 'it hides a slash', isBroken: part => /[/\\]/.test(part.normalize('NFKC')) },
];

/** Which rule a name breaks. */
function faultOf(name: string): string | undefined {
  for (const text of readings(name)) {
    const broken =
      wholeRules.find(({ isBroken }) => isBroken(text)) ??
      segmentRules.find(({ isBroken }) => text.split('/').some(isBroken));
    if (broken) return broken.says;
  }
  return undefined;
}

/** What is shown of a name: no more of it than a line, and nothing that a terminal obeys. */
const shown = (name: string): string =>
  JSON.stringify(name.length <= 80 ? name : `${name.slice(0, 79)}…`).replace(/\p{Cc}/gu, '?');

const outside = (name: string, why: string): LoraError =>
  badInput(
    'PATH_OUTSIDE',
    `${shown(name)} is no name within the folder: ${why}`,
    'Give a plain name of what is there.',
  );

function factsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // not there, or below a file
  }
}

/** The place itself, or of the deepest folder above it that is there; undefined where a link leads nowhere or in circles. */
function realPlace(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    if (factsOf(path)?.isSymbolicLink()) return undefined;
    return dirname(path) === path ? path : realAbove(path);
  }
}

function realAbove(path: string): string | undefined {
  const above = realPlace(dirname(path));
  return above === undefined ? undefined : join(above, basename(path));
}

/** Pipes, sockets and devices would hold whoever opens them. */
function isOrdinary(path: string): boolean {
  const facts = factsOf(path);
  return facts === undefined || facts.isFile() || facts.isDirectory();
}

/**
 * The path of a name within `root`, with `/` between its parts, whether it is there or not. Links may lead elsewhere within
 * the root, and the root may be a link. Throws PATH_OUTSIDE for a name that is none, or that leads out, however it is written.
 */
export function resolveInside(root: string, relative: string): string {
  if (typeof relative !== 'string') throw outside(String(relative), 'it is no text');
  const fault = faultOf(relative);
  if (fault !== undefined) throw outside(relative, fault);
  const path = join(resolve(root), ...relative.split('/'));
  const [realRoot, real] = [realPlace(resolve(root)), realPlace(path)];
  if (realRoot === undefined || real === undefined) throw outside(relative, 'a link leads nowhere');
  if (!real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep))
    throw outside(relative, 'a link leads out of it');
  if (!isOrdinary(real)) throw outside(relative, 'it is neither a file nor a folder');
  return path;
}
