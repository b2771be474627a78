/** @file Changes of many captions: what the form says, as the API's edit. */
import type { ApiCaptionEdit, ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { hasTrigger } from '../train/preview-prompts.ts';

export type BulkKind = 'trigger' | 'add' | 'remove' | 'replace' | 'prefix' | 'set';

export interface BulkForm {
  readonly kind: BulkKind;
  readonly text: string;
  /** Of `replace`: by what. */
  readonly by: string;
  /** Of `add`: at the end. */
  readonly isLast: boolean;
}

export const bulkKinds: readonly {
  readonly value: BulkKind;
  readonly label: string;
  readonly hint: string;
}[] = [
  {
    value: 'trigger',
    label: 'Put the trigger word in',
    hint: 'In front of captions that lack it; the others stay.',
  },
  {
    value: 'add',
    label: 'Add tags',
    hint: 'Several with commas. Where one is there already, it is not added again.',
  },
  { value: 'remove', label: 'Remove tags', hint: 'Whole tags between commas, several with commas.' },
  { value: 'replace', label: 'Replace words', hint: 'Whole words; /…/i is a regular expression.' },
  { value: 'prefix', label: 'Begin with', hint: 'A text in front of every caption, such as "a photo of ".' },
  { value: 'set', label: 'Write anew', hint: 'One caption for all of these pictures, in place of theirs.' },
];

/** Pictures that an edit is for. */
export function editOf(
  { kind, text, by, isLast }: BulkForm,
  pictures: readonly ApiDatasetPicture[],
): ApiCaptionEdit | undefined {
  const word = text.trim();
  if (word === '' && kind !== 'set') return undefined;
  const only = pictures.map(({ id }) => id);
  switch (kind) {
    case 'trigger': {
      const lacking = pictures.filter(({ caption }) => !hasTrigger(caption, word));
      return { add: [word], only: lacking.map(({ id }) => id) };
    }
    case 'add':
      return { add: [word], addLast: isLast, only };
    case 'remove':
      return { remove: [word], only };
    case 'replace':
      return { replace: [{ from: word, to: by }], only };
    case 'prefix':
      return { replace: [{ from: '/^/', to: text.replaceAll('$', '$$$$') }], only };
    case 'set':
      return { set: text, only };
  }
}
