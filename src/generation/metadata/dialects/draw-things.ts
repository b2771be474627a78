/** @file Draw Things: JSON in the user comment of an XMP packet. */
import type { Candidates } from '../found-settings.ts';
import { asList, asText, isObject, type JsonObject, leftOver } from '../json-values.ts';

const taken = new Set('c uc seed steps scale sampler size model lora strength'.split(' '));

export const isDrawThings = (json: JsonObject): boolean => json.c !== undefined && json.uc !== undefined;

const plainName = (name: unknown): string | undefined =>
  asText(name)?.replace(/\.(?:ckpt|safetensors)$/i, '');

export function readDrawThings(json: JsonObject): Candidates {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/.exec(asText(json.size) ?? '') ?? [];
  const loras = asList(json.lora).flatMap(item => {
    const name = isObject(item) ? plainName(item.model) : undefined;
    return isObject(item) && name ? [{ name, strength: item.weight ?? 1, inPrompt: false }] : [];
  });
  const model = plainName(json.model);
  const values = {
    ...{ prompt: json.c, negativePrompt: json.uc, seed: json.seed, steps: json.steps, guidance: json.scale },
    ...{ sampler: json.sampler, scheduler: 'Automatic', width, height, denoising: json.strength },
    model: model === undefined ? undefined : { name: model },
    loras: loras.length > 0 ? loras : undefined,
    preset: 'a1111',
  };
  return { values, other: leftOver(json, taken), findings: [] };
}
