/** @file Trigger words that a file says itself: the model metadata standard, and what trainers write. */
import type { TriggerSet } from '../card.ts';
import { nameSets } from '../side-files/trigger-sets.ts';

/** The first that says something counts. */
const keys = [
  'modelspec.trigger_phrase',
  'trigger_phrase',
  'modelspec.trigger_words',
  'trigger_words',
  'trigger_word',
  'ss_trigger_words',
  'ss_trigger_word',
  'trained_words',
  'trainedWords',
  'activation text',
  'activation_text',
  'instance_prompt',
] as const;

const saysNothing = /^(none|null|n\/a|\[\]|\{\}|-)?$/i;
const longest = 2000;

/** A text, or a list of sets as JSON. */
function setsOf(value: string): string[] {
  if (!value.startsWith('[')) return [value];
  try {
    const list: unknown = JSON.parse(value);
    return Array.isArray(list) ? list.filter(item => typeof item === 'string') : [];
  } catch {
    return [value];
  }
}

/** `trigger: zork` in a comment is how trainers were asked for it before there was a key. */
const inComment = /(?:^|[;\n.])\s*trigger(?:\s*words?)?\s*[:=]\s*([^;\n]{1,200})/i;

/** What the metadata of a file say are its trigger words. */
export function triggersFromMetadata(metadata: Readonly<Record<string, string>>): TriggerSet[] {
  for (const key of keys) {
    const value = Object.hasOwn(metadata, key) ? metadata[key].trim() : '';
    if (saysNothing.test(value) || value.length > longest) continue;
    const sets = setsOf(value)
      .map(words => words.trim())
      .filter(words => !saysNothing.test(words));
    if (sets.length > 0) return nameSets(sets.map(words => ({ words })));
  }
  const comment = inComment.exec(metadata.ss_training_comment ?? '')?.[1].trim();
  return comment ? nameSets([{ words: comment }]) : [];
}
