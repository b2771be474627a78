/**
 * @file A1111's and Forge's user metadata, `X.json` (extensions-builtin/Lora/ui_edit_user_metadata.py), which InvokeAI reads
 * on import, too. What they have no key for stands in a key of our own, which both keep.
 */
import { z } from 'zod';
import type { SidePart } from '../facts.ts';
import { nameSets, plainTag, tagsOfWords } from '../trigger-sets.ts';
import { number, readFields, text, words } from '../values.ts';

export const ownKey = 'lora studio';

const fields = {
  description: text,
  'sd version': text,
  'activation text': text,
  'preferred weight': number,
  'negative text': text,
  notes: text,
};

const triggerSet = z.object({
  name: z.string().min(1).max(200),
  words: z.string().max(10_000),
  strength: z.number().optional(),
  negative: z.string().max(10_000).optional(),
});

const ownFields = {
  name: text,
  author: text,
  license: text,
  tags: words,
  triggers: z.array(triggerSet).max(100).optional(),
};

/** Whether an `X.json` is one of these: other programs write files of this name as well. */
export const isA1111 = (value: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(value).some(key => Object.hasOwn(fields, key) || key === ownKey);

export const keysOfA1111: readonly string[] = Object.keys(fields);

const sameWords = (a: string | undefined, b: string | undefined): boolean =>
  tagsOfWords(a ?? '')
    .map(plainTag)
    .join() ===
  tagsOfWords(b ?? '')
    .map(plainTag)
    .join();

export function readA1111(value: Readonly<Record<string, unknown>>, wrong: string[]): SidePart {
  const given = readFields(value, fields, wrong);
  const ours = typeof value[ownKey] === 'object' && value[ownKey] !== null ? value[ownKey] : {};
  const own = readFields(ours as Record<string, unknown>, ownFields, wrong);
  // 0 stands for "not set" there.
  const strength = given['preferred weight'] || undefined;
  const negative = given['negative text'];
  const activation = given['activation text'];
  const rest = { ...(strength === undefined ? {} : { strength }), ...(negative ? { negative } : {}) };
  const one = (activation ?? '').trim() === '' ? [] : nameSets([{ words: activation ?? '', ...rest }]);
  const sets = own.triggers ?? [];
  // What was edited there since counts; our further sets stay.
  const triggers =
    sameWords(sets[0]?.words, activation) && sets.length > 0 ? sets : [...one, ...sets.slice(1)];
  return {
    name: own.name,
    author: own.author,
    license: own.license,
    tags: own.tags,
    description: given.description,
    notes: given.notes,
    family: given['sd version'],
    strength,
    negative,
    triggers,
  };
}
