/** @file `X.swarm.json` of SwarmUI: entries of the model metadata standard (src/Text2Image/T2IModelHandler.cs). */
import type { SidePart } from '../facts.ts';
import { nameSets } from '../trigger-sets.ts';
import { dataUrl, hash, number, readFields, text, words } from '../values.ts';

const fields = {
  title: text,
  author: text,
  description: text,
  architecture: text,
  trigger_phrase: text,
  usage_hint: text,
  license: text,
  tags: words,
  hash_sha256: hash,
  lora_default_weight: number,
  thumbnail: dataUrl,
  preview_image: dataUrl,
};

/** SwarmUI reads each with and without `modelspec.` in front. */
function withoutPrefix(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const named = Object.entries(value).filter(([key]) => key.startsWith('modelspec.'));
  return { ...value, ...Object.fromEntries(named.map(([key, entry]) => [key.slice(10), entry])) };
}

export function readSwarmUi(value: Readonly<Record<string, unknown>>, wrong: string[]): SidePart {
  const given = readFields(withoutPrefix(value), fields, wrong);
  const phrase = given.trigger_phrase;
  return {
    name: given.title,
    author: given.author,
    description: given.description,
    notes: given.usage_hint,
    license: given.license,
    tags: given.tags,
    family: given.architecture?.replace(/\/lora$/, ''),
    strength: given.lora_default_weight,
    thumbnail: given.preview_image ?? given.thumbnail,
    triggers: phrase === undefined ? [] : nameSets([{ words: phrase }]),
    // The standard's hash is that of the tensors.
    hashes: { autoV3: given.hash_sha256?.slice(0, 12) },
  };
}
