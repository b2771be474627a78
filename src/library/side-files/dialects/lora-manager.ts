/** @file `X.metadata.json` of ComfyUI-Lora-Manager (py/utils/models.py: BaseModelMetadata, LoraMetadata). */
import type { SidePart } from '../facts.ts';
import { plainText } from '../html-text.ts';
import { nameSets } from '../trigger-sets.ts';
import { flag, hash, isRecord, number, readFields, record, text, texts, words } from '../values.ts';
import { readCivitai } from './civitai.ts';

const fields = {
  file_name: text,
  model_name: text,
  sha256: hash,
  autov3: hash,
  base_model: text,
  notes: text,
  civitai: record,
  tags: words,
  modelDescription: text,
  favorite: flag,
  usage_tips: text,
  trainedWords: texts,
};

const tipFields = { strength: number, strength_min: number, strength_max: number };

/** `usage_tips` is JSON within JSON. */
export function tipsOf(tips: string | undefined, wrong: string[]): Record<string, unknown> {
  if (tips === undefined) return {};
  try {
    const value: unknown = JSON.parse(tips);
    if (isRecord(value)) return value;
  } catch {
    // Told below.
  }
  wrong.push('usage_tips');
  return {};
}

/** The strength that is advised; of a range its middle. */
function strengthOf(tips: Record<string, unknown>, wrong: string[]): number | undefined {
  const { strength, strength_min, strength_max } = readFields(tips, tipFields, wrong);
  if (strength !== undefined || strength_min === undefined || strength_max === undefined) return strength;
  return Math.round(50 * (strength_min + strength_max)) / 100;
}

export function readLoraManager(
  value: Readonly<Record<string, unknown>>,
  wrong: string[],
  fileName = '',
): SidePart {
  const given = readFields(value, fields, wrong);
  const site = readCivitai(given.civitai ?? {}, wrong, fileName);
  const own = given.trainedWords ?? [];
  return {
    // By default it is the file's name, which says nothing more.
    name: given.model_name === given.file_name ? undefined : given.model_name,
    notes: given.notes,
    description: given.modelDescription === undefined ? site.description : plainText(given.modelDescription),
    family: given.base_model,
    type: site.type,
    nsfw: site.nsfw,
    author: site.author,
    tags: given.tags ?? site.tags,
    favourite: given.favorite,
    strength: strengthOf(tipsOf(given.usage_tips, wrong), wrong),
    triggers: own.length > 0 ? nameSets(own.map(words => ({ words }))) : site.triggers,
    hashes: { ...site.hashes, sha256: given.sha256, autoV3: given.autov3?.slice(0, 12) },
  };
}
