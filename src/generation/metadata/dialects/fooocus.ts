/** @file Fooocus' own scheme: JSON in `parameters` (PNG), the Exif comment or, in old files, the JPEG comment. */
import type { Candidates } from '../found-settings.ts';
import { asList, asText, isObject, type JsonObject, leftOver } from '../json-values.ts';

const taken = new Set(
  (
    'prompt negative_prompt seed steps guidance_scale cfg sampler scheduler resolution width height base_model ' +
    'base_model_hash clip_skip loras vae version metadata_scheme'
  ).split(' '),
);

const plainName = (name: string | undefined): string | undefined =>
  name?.replace(/\.(?:safetensors|ckpt)$/i, '');

/** `["name.safetensors", 0.5, "hash"]`, or `{ name, weight }`. */
function lorasOf(loras: unknown): unknown[] {
  return asList(loras).flatMap(item => {
    const [name, strength, hash] = isObject(item) ? [item.name, item.weight, item.hash] : asList(item);
    const text = plainName(asText(name));
    return text ? [{ name: text, strength: strength ?? 1, hash: asText(hash), inPrompt: false }] : [];
  });
}

export const isFooocus = (json: JsonObject): boolean =>
  json.metadata_scheme === 'fooocus' ||
  (json.base_model !== undefined && json.prompt !== undefined && json.sampler !== undefined);

export function readFooocus(json: JsonObject): Candidates {
  const [, width = json.width, height = json.height] =
    /^\((\d{1,6}), ?(\d{1,6})\)$/.exec(asText(json.resolution) ?? '') ?? [];
  const loras = lorasOf(json.loras);
  const name = plainName(asText(json.base_model));
  const values = {
    prompt: json.prompt,
    negativePrompt: json.negative_prompt,
    ...{ seed: json.seed, steps: json.steps, guidance: json.guidance_scale ?? json.cfg },
    sampler: asText(json.sampler)?.replace(/_gpu$/, ''),
    scheduler: json.scheduler,
    ...{ width, height, clipSkip: json.clip_skip },
    model: name === undefined ? undefined : { name, hash: asText(json.base_model_hash) },
    vae: asText(json.vae)?.startsWith('Default') || !json.vae ? undefined : { name: json.vae },
    loras: loras.length > 0 ? loras : undefined,
    ...{ noise: 'cpu', preset: 'comfy' },
  };
  const findings =
    asList(json.full_prompt).length > 0
      ? [
          {
            code: 'FOOOCUS_STYLES',
            message: 'styles and an expansion were added to the prompt; `full_prompt` has what was read',
          },
        ]
      : [];
  return { values, other: leftOver(json, taken), findings };
}
