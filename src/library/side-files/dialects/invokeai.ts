/** @file `X.json` with a model's record of InvokeAI: `trigger_phrases` and `default_settings`. */
import type { SidePart } from '../facts.ts';
import { nameSets } from '../trigger-sets.ts';
import { number, readFields, record, text, texts } from '../values.ts';

const fields = {
  name: text,
  description: text,
  base: text,
  trigger_phrases: texts,
  default_settings: record,
};

export const isInvokeAi = (value: Readonly<Record<string, unknown>>): boolean =>
  'trigger_phrases' in value || ('default_settings' in value && 'base' in value);

export function readInvokeAi(value: Readonly<Record<string, unknown>>, wrong: string[]): SidePart {
  const given = readFields(value, fields, wrong);
  const { weight } = readFields(given.default_settings ?? {}, { weight: number }, wrong);
  return {
    name: given.name,
    description: given.description,
    family: given.base,
    strength: weight,
    triggers: nameSets((given.trigger_phrases ?? []).map(words => ({ words }))),
  };
}
