/** @file What the user may write of a card, checked; and what it makes of what was written before. */
import { z } from 'zod';
import { usageError } from '../../errors.ts';
import type { CardEdit } from '../card.ts';

const text = (most: number) => z.string().max(most);
const line = (most: number) => text(most).transform(value => value.replace(/\s+/g, ' ').trim());

const strength = z.number().min(-10).max(10);
const triggerSet = z.strictObject({
  name: line(100).default('default'),
  words: text(4000),
  strength: strength.optional(),
  negative: text(4000).optional(),
});

/** Null takes a field back to what the file and its side files say. */
export const cardEditSchema = z.strictObject({
  name: line(200).pipe(z.string().min(1)).nullable().optional(),
  triggers: z.array(triggerSet).max(50).nullable().optional(),
  tags: z.array(line(100)).max(200).nullable().optional(),
  notes: text(100_000).optional(),
  description: text(100_000).nullable().optional(),
  favourite: z.boolean().optional(),
  rating: z.int().min(0).max(5).optional(),
  strength: strength.nullable().optional(),
  license: line(500).nullable().optional(),
  author: line(200).nullable().optional(),
});

const plainTags = (tags: readonly string[]): string[] => {
  const seen = new Map<string, string>();
  for (const tag of tags) if (tag !== '' && !seen.has(tag.toLowerCase())) seen.set(tag.toLowerCase(), tag);
  return [...seen.values()];
};

/** Throws CARD_EDIT_WRONG with the field. */
export function checkEdit(changes: unknown): CardEdit {
  const { success, data, error } = cardEditSchema.safeParse(changes);
  if (success) return data.tags ? { ...data, tags: plainTags(data.tags) } : data;
  const [{ path, message }] = error.issues;
  const field = path.length > 0 ? path.join('.') : 'the change';
  throw usageError(
    'CARD_EDIT_WRONG',
    `${field}: ${message}`,
    'See CardEdit for what can be written of a card.',
  );
}

/** What is written afterwards: fields that are null are as if nobody had written them. */
export function withChanges(before: CardEdit, changes: CardEdit): CardEdit {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const all = Object.entries({ ...before, ...Object.fromEntries(given) });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}
