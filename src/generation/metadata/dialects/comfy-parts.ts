/** @file What a sampler of a ComfyUI graph works with: its numbers, its texts, its LoRAs, its first latent. */
import { asText, entryOf, type JsonObject } from '../json-values.ts';
import { type ComfyGraph, type ComfyNode, scalarOf, sourceOf, upstream } from './comfy-graph.ts';

const has = (inputs: JsonObject, ...names: string[]): boolean =>
  names.every(name => inputs[name] !== undefined);

/** Nodes that draw: by what they take, so that samplers of extensions count too. */
export const isSampler = ({ type, inputs }: ComfyNode): boolean =>
  (has(inputs, 'steps', 'cfg') && (has(inputs, 'sampler_name') || has(inputs, 'scheduler'))) ||
  (type.startsWith('SamplerCustom') && has(inputs, 'sampler', 'sigmas'));

export const latentInputs = [
  'latent_image',
  'samples',
  'latent',
  'images',
  'image',
  'pixels',
  'optional_latent',
  'samples_to',
  'samples_from',
  'any',
  '',
];

/** Which inputs carry a conditioning on; of two, the one that the slot stands for. */
function conditioningInputs({ type, inputs }: ComfyNode, slot: number): string[] {
  if (type === 'ConditioningZeroOut') return []; // zeros in place of a text
  if (has(inputs, 'positive', 'negative')) return [slot === 1 ? 'negative' : 'positive'];
  return Object.keys(inputs).filter(name => /^(?:conditioning|cond|any|$)/i.test(name));
}

export interface PromptPart {
  readonly text: string;
  readonly clip: unknown;
}

/** All texts that a conditioning is made of. */
export function promptParts(graph: ComfyGraph, start: unknown): PromptPart[] {
  const parts: PromptPart[] = [];
  for (const { node } of upstream(graph, start, conditioningInputs)) {
    const { inputs } = node;
    const texts = ['text', 'text_g', 'text_l', 'prompt', 'clip_l', 't5xxl'].flatMap(name => {
      const text =
        has(inputs, 'clip') || inputs.prompt === undefined ? scalarOf(graph, inputs[name]) : undefined;
      return typeof text === 'string' ? [text] : [];
    });
    for (const text of new Set(texts)) parts.push({ text, clip: inputs.clip });
  }
  return parts;
}

export const modelInputs = ({ inputs }: ComfyNode): string[] =>
  Object.keys(inputs).filter(name => /^(?:model|any|model1|)$/.test(name));
export const clipInputs = ({ inputs }: ComfyNode): string[] =>
  Object.keys(inputs).filter(name => /^(?:clip|any|clip1|)$/.test(name));

export const fileName = (value: unknown): string | undefined => asText(value)?.replaceAll('\\', '/');
export const withoutEnding = (name: string): string =>
  name.replace(/\.(?:safetensors|ckpt|pt|pth|bin|gguf)$/i, '');

interface Lora {
  readonly name: string;
  readonly strength: unknown;
  readonly textStrength?: unknown;
  readonly inPrompt: false;
}

/** rgthree's loader has a row `lora_1: { on, lora, strength, strengthTwo }` a LoRA. */
function rowLoras({ inputs }: ComfyNode): Lora[] {
  return Object.values(inputs).flatMap(row => {
    const { on, lora, strength, strengthTwo } = (
      typeof row === 'object' && row !== null ? row : {}
    ) as JsonObject;
    const name = fileName(lora);
    if (on !== true || name === undefined) return [];
    return [
      {
        name: withoutEnding(name),
        strength,
        ...(strengthTwo == null ? {} : { textStrength: strengthTwo }),
        inPrompt: false as const,
      },
    ];
  });
}

export function loraOf(graph: ComfyGraph, node: ComfyNode): Lora[] {
  const name = fileName(scalarOf(graph, node.inputs.lora_name));
  if (name === undefined) return rowLoras(node);
  const strength = scalarOf(graph, node.inputs.strength_model ?? node.inputs.strength) ?? 1;
  const onText = node.inputs.strength_clip === undefined ? 0 : scalarOf(graph, node.inputs.strength_clip);
  return [
    {
      name: withoutEnding(name),
      strength,
      ...(onText === strength ? {} : { textStrength: onText }),
      inPrompt: false,
    },
  ];
}

interface Sampling {
  readonly steps: unknown;
  readonly guidance: unknown;
  readonly seed: unknown;
  readonly sampler: unknown;
  readonly scheduler: unknown;
  readonly denoise: unknown;
  readonly links: { readonly model: unknown; readonly positive: unknown; readonly negative: unknown };
}

/** A name of ComfyUI's without what says only where it runs. */
const samplerName = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/^sample_/, '').replace(/_gpu$/, '') : value;

/** Samplers that are nodes of their own: `SamplerEulerAncestral` → euler_ancestral. */
const samplerOfNode: Readonly<Record<string, string>> = {
  SamplerEulerAncestral: 'euler_ancestral',
  SamplerDPMPP_2M_SDE: 'dpmpp_2m_sde',
  SamplerDPMPP_SDE: 'dpmpp_sde',
  SamplerDPMPP_3M_SDE: 'dpmpp_3m_sde',
  SamplerDPMPP_2S_Ancestral: 'dpmpp_2s_ancestral',
  SamplerLMS: 'lms',
};
const schedulerOfNode: Readonly<Record<string, string>> = {
  KarrasScheduler: 'karras',
  ExponentialScheduler: 'exponential',
  PolyexponentialScheduler: 'polyexponential',
  BetaSamplingScheduler: 'beta',
  AlignYourStepsScheduler: 'align_your_steps',
};

export function samplingOf(graph: ComfyGraph, { inputs }: ComfyNode): Sampling {
  const read = (from: JsonObject | undefined, ...names: string[]): unknown =>
    names.map(name => scalarOf(graph, from?.[name])).find(value => value !== undefined && value !== null);
  const guider = sourceOf(graph, inputs.guider)?.node.inputs;
  const noise = sourceOf(graph, inputs.noise)?.node.inputs;
  const selected = sourceOf(graph, inputs.sampler)?.node;
  const sigmas = sourceOf(graph, inputs.sigmas)?.node;
  const from = guider ?? inputs;
  return {
    steps: read(inputs, 'steps') ?? read(sigmas?.inputs, 'steps'),
    guidance: read(from, 'cfg', 'guidance'),
    seed: read(inputs, 'seed', 'noise_seed') ?? read(noise, 'noise_seed', 'seed'),
    sampler: samplerName(
      read(inputs, 'sampler_name') ??
        read(selected?.inputs, 'sampler_name') ??
        entryOf(samplerOfNode, selected?.type ?? ''),
    ),
    scheduler:
      read(inputs, 'scheduler') ??
      read(sigmas?.inputs, 'scheduler') ??
      entryOf(schedulerOfNode, sigmas?.type ?? ''),
    denoise: read(inputs, 'denoise') ?? read(sigmas?.inputs, 'denoise'),
    links: {
      model: from.model ?? inputs.model,
      positive: from.positive ?? from.conditioning ?? inputs.positive,
      negative: from.negative ?? inputs.negative,
    },
  };
}

interface Latent {
  readonly width?: unknown;
  readonly height?: unknown;
  readonly scale?: unknown;
  readonly upscaler?: string;
  readonly init?: string | undefined;
  readonly masked: boolean;
}

const upscalers: Readonly<Record<string, string>> = {
  'nearest-exact': 'latent-nearest-exact',
  nearest: 'latent-nearest',
  bilinear: 'latent',
  bicubic: 'latent-bicubic',
  lanczos: 'lanczos',
};

/** What lies between a sampler and the one before it, or the start. */
export function latentOf(graph: ComfyGraph, sampler: ComfyNode): Latent {
  let latent: Latent = { masked: false };
  const start = sampler.inputs.latent_image ?? sampler.inputs.latent ?? sampler.inputs.samples;
  for (const { node } of upstream(graph, start, node => (isSampler(node) ? [] : latentInputs))) {
    if (isSampler(node)) break;
    const { type, inputs } = node;
    const read = (name: string): unknown => scalarOf(graph, inputs[name]);
    const method = asText(read('upscale_method'));
    if (method !== undefined) latent = { upscaler: entryOf(upscalers, method) ?? method, ...latent };
    if (has(inputs, 'scale_by')) latent = { scale: read('scale_by'), ...latent };
    if (has(inputs, 'width', 'height')) latent = { width: read('width'), height: read('height'), ...latent };
    if (/mask|inpaint/i.test(type)) latent = { ...latent, masked: true };
    if (/^loadimage/i.test(type)) latent = { init: fileName(read('image')), ...latent };
  }
  return latent;
}
