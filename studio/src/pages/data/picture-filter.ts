/** @file Which pictures of a set are shown: by text, by terms of captions, by findings. */
import { type CaptionStyle, termsOf } from './terms.ts';

export interface PictureFilter {
  /** In names and captions; several words must all be there. */
  readonly text: string;
  /** Terms that captions must have. */
  readonly terms: readonly string[];
  /** Names of pictures that a finding is about; undefined: all. */
  readonly named?: ReadonlySet<string> | undefined;
  /** The code of that finding. */
  readonly finding?: string | undefined;
}

export const noFilter: PictureFilter = { text: '', terms: [] };

export const isFiltering = ({ text, terms, named }: PictureFilter): boolean =>
  text.trim() !== '' || terms.length > 0 || named !== undefined;

export interface Filtered {
  readonly name: string;
  readonly caption: string;
}

export function filterPictures<T extends Filtered>(
  pictures: readonly T[],
  { text, terms, named }: PictureFilter,
  style: CaptionStyle,
): readonly T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && terms.length === 0 && !named) return pictures;
  return pictures.filter(({ name, caption }) => {
    if (named && !named.has(name)) return false;
    const all = `${name}\n${caption}`.toLowerCase();
    if (!words.every(word => all.includes(word))) return false;
    if (terms.length === 0) return true;
    const own = new Set(termsOf(caption, style));
    return terms.every(term => own.has(term));
  });
}
