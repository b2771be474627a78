/** @file What speaks for a word being a trigger word, beside that nearly every caption has it. */
import { type ClipTokenizer, openClipTokenizer } from '../../models/index.ts';
import { plainTag } from '../side-files/trigger-sets.ts';
import type { FolderTags } from './dataset-entries.ts';
import { emptyFolderWords, isGeneral } from './general-tags.ts';

let clip: ClipTokenizer | undefined;

/** CLIP's rarest single tokens (`sks`, `ohwx`) were picked by trainers because they mean nothing. */
const rareToken = 0.95;

/** Whether CLIP has no word for one of its words. */
export function isMadeUp(plain: string): boolean {
  clip ??= openClipTokenizer('<|endoftext|>');
  const { largestId, encode } = clip;
  return plain
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word.length > 1 && /\p{L}/u.test(word))
    .some(word => {
      const { ids, tokens } = encode(word);
      return tokens.length > 1 || ids[1] / largestId > rareToken;
    });
}

/** `10_zorbi creature` → `zorbi creature`; nothing where the name says nothing. */
export function conceptOf(folder: string): string {
  const words = plainTag(folder.replace(/^\d+[_-]/, ''))
    .split(/[\s-]+/)
    .filter(word => word !== '' && !emptyFolderWords.has(word));
  return words.every(word => /^\d+$/.test(word)) ? '' : words.join(' ');
}

/** `zork_v2-000010` → `zork v2 000010` */
const plainName = (name: string): string => plainTag(name.replace(/[-.]/g, ' '));

const holdsWords = (whole: string, part: string): boolean => ` ${whole} `.includes(` ${part} `);

/** Whether a folder or the file is called like the tag. */
export function isNamed(plain: string, folder: string, outputName: string): boolean {
  const tag = plainName(plain);
  if (tag.length < 2) return false;
  const squeezed = tag.replace(/ /g, '');
  return [plainName(conceptOf(folder)), plainName(outputName)].some(
    name => holdsWords(name, tag) || (squeezed.length >= 4 && holdsWords(name, squeezed)),
  );
}

/** How many tags stand at the beginning before the first that describes, where the order is that of the captions. */
export function leadOf({ tags, keepTags }: FolderTags): number {
  if (keepTags > 0) return keepTags;
  const isSorted =
    tags.every(([, count], i) => i === 0 || count <= tags[i - 1][1]) ||
    tags.every(([tag], i) => i === 0 || tag >= tags[i - 1][0]);
  if (isSorted && tags.length > 3) return 0;
  const end = tags.findIndex(([tag]) => isGeneral(plainTag(tag)));
  return end < 0 ? tags.length : end;
}
