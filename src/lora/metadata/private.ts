/** @file What should not be in a file that is shared: absolute paths, which tell user names and how a disk is laid out. */
import { metadataKeys } from './keys.ts';

/** Where a path may begin: not inside a word, a relative path or a URL. */
const start = String.raw`(?<![\w/\\:.+~-])`;
const drive = String.raw`[A-Za-z]:[\\/]+`;
/** Of a network share; in JSON each backslash is two. */
const share = String.raw`\\\\{1,3}(?=[\w.-]+\\)`;
const home = '~/';
const slash = '/';

/** A whole value, or a whole string of JSON: it may have spaces in it. */
const wholePath = new RegExp(
  String.raw`^(?:file://|${drive}|${share}|${home}|${slash}(?=[^/\s]+/))[^\r\n"<>|?*]+$`,
);
const quotedPath = /"((?:[^"\\]|\\.)*)"/g;
/** Among other words: it ends at a space, and `/a/b` needs two parts to be one. */
const barePath = new RegExp(
  String.raw`${start}(?:file://${slash}?|${drive}|${share}|${home}|${slash}(?=[\w.@-]+/[\w.@-]))[^\s"'<>|?*,;()[\]{}]+`,
  'g',
);

/** The folder in which people's folders are. */
const homes = /^(?:file:\/\/)?(?:[A-Za-z]:)?[\\/]+(?:home|Users|Documents and Settings)[\\/]+([^\\/]+)/i;

const url = /\b(?!file:)\w+:\/\/\S+/g;
/** A second path after a space: these are several. */
const another = /\s(?:\/|~\/|[A-Za-z]:[\\/])/;

const isWhole = (text: string): boolean => wholePath.test(text) && !another.test(text);

/** Absolute paths in a value, as they stand there. */
export function privatePaths(value: string): string[] {
  if (isWhole(value.trim())) return [value.trim()];
  const quoted = [...value.matchAll(quotedPath)].map(([, inside]) => inside).filter(isWhole);
  const rest = value.replace(quotedPath, (all, inside: string) => (isWhole(inside) ? '""' : all));
  return [...quoted, ...(rest.replace(url, '').match(barePath) ?? [])];
}

/** The last part of a path, or nothing where that is a user's own folder, or a disk. */
export function baseName(path: string): string | undefined {
  const parts = path.split(/[\\/]+/).filter(part => part !== '' && part !== 'file:' && part !== '~');
  const name = parts.at(-1);
  if (name === undefined || /^[A-Za-z]:$/.test(name)) return undefined;
  return name === homes.exec(path)?.[1] && parts.length <= 3 ? undefined : name;
}

export interface PrivateFinding {
  readonly key: string;
  readonly path: string;
  /** Whose folder it is in. */
  readonly user?: string;
}

/** Entries that hold absolute paths. Pictures and hashes are not looked into. */
export function findPrivate(metadata: Readonly<Record<string, string>>): PrivateFinding[] {
  return Object.entries(metadata).flatMap(([key, value]) => {
    const type = metadataKeys.get(key)?.type;
    if (type === 'picture' || type === 'hash') return [];
    return privatePaths(value).map(path => {
      const user = homes.exec(path)?.[1];
      return { key, path, ...(user ? { user } : {}) };
    });
  });
}

/** A value with its paths cut down to their last parts; undefined where a path has none that may be shown. */
export function withoutPaths(value: string): string | undefined {
  let text = value;
  for (const path of privatePaths(value)) {
    const name = baseName(path);
    if (name === undefined) return undefined;
    text = text.replace(path, () => name);
  }
  return text;
}
