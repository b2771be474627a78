/**
 * @file A1111's text and what its relatives (Forge, SD.Next, Civitai, Fooocus, ComfyUI's savers) add: fields to settings,
 * with the defaults that A1111 has for those that are missing (modules/infotext_utils.py).
 */
import type { EmphasisRule, PresetName } from '../../settings/schema.ts';
import type { Candidates, Finding } from '../found-settings.ts';
import { parseInfotext } from '../infotext.ts';
import { emphasisLabels, listedName, maskedContentLabels, upscalerLabels } from '../infotext-of.ts';
import { asList, asText, entryOf, isObject, parseLooseJson } from '../json-values.ts';
import { mentionedLoras } from '../lora-mentions.ts';

export type A1111Program = 'lora-studio' | 'a1111' | 'forge' | 'sdnext' | 'comfyui' | 'fooocus' | 'sd.cpp';

/** JSON that extensions append without the quotes that A1111's rule needs. */
const jsonFields = ['Hashes', 'Civitai resources', 'Civitai metadata'] as const;
type JsonField = (typeof jsonFields)[number];

/** Where the JSON that opens at `start` ends; undefined if it does not. */
function jsonEnd(text: string, start: number): number | undefined {
  let [depth, inString] = [0, false];
  for (let i = start; i < text.length; i++) {
    const sign = text[i];
    if (inString) {
      if (sign === '\\') i++;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === '{' || sign === '[') depth++;
    else if ((sign === '}' || sign === ']') && --depth === 0) return i + 1;
  }
  return undefined;
}

/** Takes the JSON fields out of the last line. */
function takeJsonFields(text: string): { rest: string; json: Partial<Record<JsonField, unknown>> } {
  const json: Partial<Record<JsonField, unknown>> = {};
  let rest = text;
  for (const field of jsonFields) {
    const at = rest.lastIndexOf(`${field}: `);
    const start = at + field.length + 2;
    if (at <= rest.lastIndexOf('\n') || (rest[start] !== '{' && rest[start] !== '[')) continue;
    const end = jsonEnd(rest, start);
    const value = end === undefined ? undefined : parseLooseJson(rest.slice(start, end));
    if (end === undefined || value === undefined) continue;
    json[field] = value;
    rest = rest.slice(0, at).replace(/,\s{0,8}$/, '') + rest.slice(end);
  }
  return { rest, json };
}

/** `name: hash, name: hash`. A name has no colon. */
function listedHashes(text = ''): Map<string, string> {
  const pairs = text.split(',').map(pair => pair.split(':').map(part => part.trim()));
  return new Map(pairs.flatMap(([name, hash]) => (name && hash ? [[name, hash] as const] : [])));
}

const sizeOf = (text: string | undefined): { width?: string; height?: string } => {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/.exec(text?.trim() ?? '') ?? [];
  return width === undefined ? {} : { width, height };
};

const keyOf = <Key extends string>(
  labels: Readonly<Partial<Record<Key, string>>>,
  label = '',
): Key | undefined =>
  (Object.keys(labels) as Key[]).find(key => labels[key]?.toLowerCase() === label.toLowerCase());

function programOf(take: (field: string) => string | undefined): A1111Program {
  const version = take('Version') ?? '';
  if (/^lora-studio\b/.test(version)) return 'lora-studio';
  if (/^f\d|forge/i.test(version)) return 'forge';
  if (/^fooocus/i.test(version)) return 'fooocus';
  if (/^stable-diffusion\.cpp/.test(version)) return 'sd.cpp';
  if (/^comfyui/i.test(version)) return 'comfyui';
  return take('App')?.startsWith('SD.Next') ? 'sdnext' : 'a1111';
}

const presetOf: Readonly<Record<A1111Program, PresetName>> = {
  'lora-studio': 'lora',
  a1111: 'a1111',
  forge: 'a1111',
  sdnext: 'diffusers',
  comfyui: 'comfy',
  fooocus: 'comfy',
  'sd.cpp': 'a1111',
};

type Take = (field: string) => string | undefined;

function hiresOf(take: Take, size: { width?: string; height?: string }): unknown {
  const [scale, resize] = [take('Hires upscale'), sizeOf(take('Hires resize'))];
  const upscaler = take('Hires upscaler');
  const scaled = (side: string | undefined) =>
    scale && side ? Math.floor(Number(side) * Number(scale)) : undefined;
  // What says "Use same …" says nothing.
  const own = (field: string) => {
    const value = take(field);
    return value === undefined || /^Use same /i.test(value) ? undefined : value;
  };
  const hires = {
    width: resize.width ?? scaled(size.width),
    height: resize.height ?? scaled(size.height),
    upscaler: keyOf(upscalerLabels, upscaler) ?? upscaler,
    steps: Number(take('Hires steps')) || undefined,
    sampler: own('Hires sampler'),
    scheduler: own('Hires schedule type'),
    guidance: take('Hires CFG Scale'),
    prompt: take('Hires prompt') || undefined,
    negativePrompt: take('Hires negative prompt') || undefined,
  };
  return scale !== undefined || resize.width !== undefined || upscaler !== undefined ? hires : undefined;
}

function inpaintOf(take: Take): unknown {
  const [mode, blur, area] = [take('Mask mode'), take('Mask blur'), take('Inpaint area')];
  const [padding, content] = [take('Masked area padding'), take('Masked content')];
  if ([mode, blur, area, padding, content].every(value => value === undefined)) return undefined;
  return {
    blur,
    invert: mode === 'Inpaint not masked',
    content: content === undefined ? 'original' : (keyOf(maskedContentLabels, content) ?? content),
    area: area === 'Only masked' ? 'masked' : 'whole',
    padding,
  };
}

function samplerOptionsOf(take: Take): unknown {
  const options = {
    eta: take('Eta') ?? take('Eta DDIM'),
    churn: take('Sigma churn'),
    churnFrom: take('Sigma tmin'),
    churnTo: take('Sigma tmax'),
    noise: take('Sigma noise'),
  };
  return Object.values(options).some(value => value !== undefined) ? options : undefined;
}

const noiseNames: Readonly<Record<string, string>> = {
  cpu: 'cpu',
  gpu: 'philox',
  nv: 'philox',
  cuda: 'philox',
};

/** Where noise came from: A1111 writes nothing for a GPU, whose numbers NV gives. */
function noiseOf(rng: string | undefined, program: A1111Program): string | undefined {
  if (rng === undefined) return program === 'a1111' || program === 'forge' ? 'philox' : 'cpu';
  return entryOf(noiseNames, rng.toLowerCase()) ?? rng;
}

/** Civitai's own generator says LoRAs beside the prompt, without hashes. */
function civitaiLoras(resources: unknown): unknown[] {
  return asList(resources).flatMap(resource => {
    if (!isObject(resource) || !/^(?:lora|lycoris|locon|dora)$/i.test(asText(resource.type) ?? '')) return [];
    const name = asText(resource.modelName) ?? `civitai:${asText(resource.modelVersionId)}`;
    return [{ name, strength: asText(resource.weight) ?? '1', inPrompt: false }];
  });
}

/** Reads A1111's text. Never throws; what is odd is a finding. */
export function readA1111(text: string): Candidates & { program: A1111Program } {
  const { rest, json } = takeJsonFields(text.trim());
  const parsed = parseInfotext(rest);
  const fields = new Map(Object.entries(parsed.fields));
  const take: Take = field => {
    const value = fields.get(field);
    fields.delete(field);
    return value;
  };
  const program = programOf(field => fields.get(field));
  const findings: Finding[] = [];
  const civitai = isObject(json.Hashes) ? json.Hashes : {};
  const civitaiHash = (key: string): string | undefined => asText(civitai[key]);
  const ofKind = (kind: string): [string, string][] =>
    Object.entries(civitai).flatMap(([key, hash]) =>
      key.startsWith(`${kind}:`) ? [[listedName(key.slice(kind.length + 1)), asText(hash) ?? '']] : [],
    );
  const loraHashes = new Map([...ofKind('lora'), ...listedHashes(take('Lora hashes'))]);
  const embeddingHashes = new Map([...ofKind('embed'), ...listedHashes(take('TI hashes'))]);
  const loras = [...mentionedLoras(parsed.prompt, loraHashes), ...civitaiLoras(json['Civitai resources'])];
  const mentioned = new Set(loras.map(lora => listedName(String((lora as { name: string }).name))));
  for (const [name, hash] of loraHashes)
    if (!mentioned.has(name))
      findings.push({
        code: 'LORA_WITHOUT_TAG',
        message: `LoRA ${name} (${hash}) has a hash, but no tag says how strong`,
      });

  const size = sizeOf(take('Size'));
  const noiseSize = sizeOf(take('Seed resize from'));
  const [variationSeed, variationStrength] = [take('Variation seed'), take('Variation seed strength')];
  const [modelName, modelHash] = [take('Model'), take('Model hash') ?? civitaiHash('model')];
  const [vaeName, vaeHash] = [take('VAE'), take('VAE hash') ?? civitaiHash('vae')];
  const initHash = take('Init image hash');
  const emphasis = take('Emphasis');
  const knownEmphasis: EmphasisRule | undefined = keyOf(emphasisLabels, emphasis);
  const hasFields = fields.size > 0 || Object.keys(json).length > 0 || size.width !== undefined;
  const values = {
    prompt: parsed.prompt,
    negativePrompt: parsed.negativePrompt,
    steps: take('Steps'),
    sampler: take('Sampler'),
    scheduler: take('Schedule type') ?? (hasFields ? 'Automatic' : undefined),
    guidance: take('CFG scale'),
    guidanceRescale: take('CFG Rescale') ?? take('CFG Rescale phi'),
    seed: take('Seed'),
    ...size,
    clipSkip: take('Clip skip') ?? (hasFields ? 1 : undefined),
    model:
      modelName !== undefined || modelHash !== undefined ? { name: modelName, hash: modelHash } : undefined,
    vae: vaeName !== undefined || vaeHash !== undefined ? { name: vaeName, hash: vaeHash } : undefined,
    loras: loras.length > 0 ? loras : undefined,
    embeddings:
      embeddingHashes.size > 0 ? [...embeddingHashes].map(([name, hash]) => ({ name, hash })) : undefined,
    denoising: take('Denoising strength'),
    variation:
      variationSeed && variationStrength ? { seed: variationSeed, strength: variationStrength } : undefined,
    noiseSize: noiseSize.width === undefined ? undefined : noiseSize,
    noise: noiseOf(take('RNG'), program),
    emphasis: knownEmphasis ?? (emphasis === undefined || emphasis === 'Original' ? undefined : emphasis),
    preset: presetOf[program],
    samplerOptions: samplerOptionsOf(take),
    init: initHash === undefined ? undefined : { hash: initHash },
    inpaint: inpaintOf(take),
    hires: hiresOf(take, size),
  };
  for (const field of ['Version', 'Conditional mask weight']) take(field);
  const jsonLeft = Object.entries(json).filter(([field]) => field === 'Civitai metadata');
  const other = {
    ...Object.fromEntries(fields),
    ...Object.fromEntries(jsonLeft.map(([k, v]) => [k, JSON.stringify(v)])),
  };
  return { program, values, other, findings };
}
