/** @file SwarmUI: `{ sui_image_params: {…}, sui_models: [{ name, param, hash }] }`. */
import type { Candidates, Finding } from '../found-settings.ts';
import { asList, asText, isObject, type JsonObject, leftOver } from '../json-values.ts';
import { fromSwarmTags, mentionedLoras } from '../lora-mentions.ts';

/** A list, or one with commas between. */
const listOf = (value: unknown): string[] =>
  (typeof value === 'string' ? value.split(',') : asList(value)).map(item => (asText(item) ?? '').trim());

const plainName = (name: string): string =>
  name.replaceAll('\\', '/').replace(/\.(?:safetensors|ckpt)$/i, '');

/** Full sha256 of the tensor data, by name. */
function hashesOf(models: unknown): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const model of asList(models))
    if (isObject(model) && asText(model.name) !== undefined && asText(model.hash) !== undefined)
      hashes.set(plainName(String(model.name)), String(model.hash));
  return hashes;
}

const taken = new Set(
  (
    'prompt negativeprompt model seed steps cfgscale width height sampler scheduler comfyuisampler comfyuischeduler ' +
    'autowebuisampler clipstopatlayer loras loraweights loratencweights variationseed variationseedstrength ' +
    'initimagecreativity vae swarm_version'
  ).split(' '),
);

export function readSwarm(json: JsonObject): Candidates {
  const params = isObject(json.sui_image_params) ? json.sui_image_params : {};
  const hashes = hashesOf(json.sui_models);
  const findings: Finding[] = [];
  const { prompt, swapped } = fromSwarmTags(asText(params.prompt) ?? '');
  if (swapped > 0)
    findings.push({
      code: 'SWARM_TAG_ORDER',
      message: `${swapped} LoRA tags had SwarmUI’s order (UNet, text encoder) and were turned into A1111’s`,
    });
  const [weights, textWeights] = [listOf(params.loraweights), listOf(params.loratencweights)];
  const beside = listOf(params.loras).flatMap((given, i) => {
    const name = plainName(given);
    const strength = weights[i] || '1';
    const text = textWeights[i] && textWeights[i] !== strength ? { textStrength: textWeights[i] } : {};
    return name ? [{ name, hash: hashes.get(name), strength, ...text, inPrompt: false }] : [];
  });
  const named = new Set(beside.map(({ name }) => name));
  const inPrompt = mentionedLoras(prompt, hashes).filter(({ name }) => !named.has(plainName(name)));
  const loras = [...inPrompt, ...beside];
  const layer = Number(asText(params.clipstopatlayer) ?? -1);
  const variation = { seed: params.variationseed, strength: params.variationseedstrength };
  const model = asText(params.model);
  const values = {
    prompt,
    negativePrompt: params.negativeprompt,
    ...{ seed: params.seed, steps: params.steps, guidance: params.cfgscale },
    ...{ width: params.width, height: params.height },
    sampler: params.sampler ?? params.comfyuisampler ?? params.autowebuisampler,
    scheduler: params.scheduler ?? params.comfyuischeduler,
    clipSkip: layer < 0 ? -layer : undefined,
    model: model === undefined ? undefined : { name: plainName(model), hash: hashes.get(plainName(model)) },
    vae: asText(params.vae) === undefined ? undefined : { name: params.vae },
    loras: loras.length > 0 ? loras : undefined,
    variation: variation.seed === undefined || Number(variation.strength) === 0 ? undefined : variation,
    denoising: params.initimagecreativity,
    ...{ noise: 'cpu', preset: 'comfy' },
  };
  const data = isObject(json.sui_extra_data) ? leftOver(json.sui_extra_data, new Set()) : {};
  return { values, other: { ...data, ...leftOver(params, taken) }, findings };
}
