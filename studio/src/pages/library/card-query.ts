/** @file What is searched for: words, filters and order, as the address and the API say them. */
import type { ApiCard } from '../../../../src/server/api-types.ts';

export type Sort = 'best' | 'name' | 'newest' | 'rating' | 'size';

export interface CardFilter {
  readonly text: string;
  readonly use: ApiCard['use'];
  readonly family: string;
  readonly kind: string;
  readonly tag: string;
  /** Id of a folder, or `id/place`. */
  readonly folder: string;
  readonly favourite: boolean;
  readonly state: '' | ApiCard['state'];
  /** One card for all epochs of a training. */
  readonly grouped: boolean;
  /** Empty: what fits best where there are words, else the newest. */
  readonly sort: '' | Sort;
}

export const noFilter: CardFilter = {
  ...{ text: '', use: 'lora', family: '', kind: '', tag: '', folder: '' },
  ...{ favourite: false, state: '', grouped: false, sort: '' },
};

/** As the API asks for it. */
export function queryOf(filter: CardFilter): Record<string, string | boolean | undefined> {
  const { text, use, family, kind, tag, folder, favourite, state, grouped, sort } = filter;
  return {
    ...{ text: text.trim() || undefined, use, family: family || undefined, kind: kind || undefined },
    ...{ tag: tag || undefined, folder: folder || undefined, state: state || undefined },
    ...{ favourite: favourite || undefined, grouped: grouped || undefined },
    sort: sort || (text.trim() ? 'best' : 'newest'),
  };
}

/** How many filters are set beside words, use and order. */
export const filterCount = ({ family, kind, tag, folder, favourite, state }: CardFilter): number =>
  [family, kind, tag, folder, state].filter(Boolean).length + (favourite ? 1 : 0);

/** Another use has other families and kinds: what may not exist there is let go. */
export const withUse = (filter: CardFilter, use: ApiCard['use']): CardFilter => ({
  ...filter,
  ...{ use, family: '', kind: '', tag: '', folder: '' },
});
