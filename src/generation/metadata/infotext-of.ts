/** @file The settings of a picture as A1111's text, with A1111's names, values and order (modules/processing.py). */
import { version } from '../../version.ts';
import { upscalerTable } from '../pictures/upscalers.ts';
import type {
  EmphasisRule,
  HiresSettings,
  InpaintSettings,
  LoraSettings,
  MaskedContent,
  NoiseSource,
  PictureSettings,
  Upscaler,
} from '../settings/schema.ts';
import { writeInfotext } from './infotext.ts';
import { portableName, portablePrompt } from './portable-text.ts';

export interface NamedHash {
  readonly name: string;
  /** Hexadecimal, 12 digits or more. */
  readonly hash: string;
}

export interface InfotextFacts {
  /** sha256 of the checkpoint's file; 10 digits of it are written. */
  readonly modelHash?: string | undefined;
  /** All LoRAs, those of tags included, by the name in the text; hashes of their tensor data. */
  readonly loras?: readonly NamedHash[];
  readonly embeddings?: readonly NamedHash[];
  /** Its UNet reads a mask. */
  readonly isInpaintModel?: boolean;
}

export const upscalerLabels = Object.fromEntries(
  Object.entries(upscalerTable).map(([name, { label }]) => [name, label]),
) as Readonly<Record<Upscaler, string>>;
export const maskedContentLabels: Readonly<Record<MaskedContent, string>> = {
  fill: 'fill',
  original: 'original',
  'latent-noise': 'latent noise',
  'latent-nothing': 'latent nothing',
};
/** A1111's own rule has no label: it is what holds where none is written. ComfyUI's has no name there. */
export const emphasisLabels: Readonly<Partial<Record<EmphasisRule, string>>> = {
  'a1111-nonorm': 'No norm',
  none: 'None',
};
/** What A1111 calls them: NV gives on a CPU the numbers that torch draws on a GPU. */
const noiseLabels: Readonly<Record<NoiseSource, string>> = { cpu: 'CPU', philox: 'NV' };
/** Of samplers that count in timesteps, A1111 calls eta so. */
const countsTimesteps = (sampler: string): boolean => /^(?:DDIM|PLMS|UniPC)/.test(sampler);

type Fields = Readonly<Record<string, string | number | undefined>>;

/** What stands between the names of `Lora hashes`. */
export const listedName = (name: string): string => name.replace(/[:,]/g, '');
const listed = (hashes: readonly NamedHash[] = []): string | undefined =>
  hashes.length === 0
    ? undefined
    : hashes.map(({ name, hash }) => `${listedName(portableName(name))}: ${hash.slice(0, 12)}`).join(', ');

/** The tag that asks for the same: text encoder first, as A1111 has it. */
function tagOf(lora: LoraSettings): string {
  const { name, strength, textStrength = strength, blocks, start, stop } = lora;
  const strengths = textStrength === strength ? [strength] : [textStrength, strength];
  const named = Object.entries({ lbw: blocks, start, stop }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${value}`],
  );
  return `<${['lora', portableName(name).replace(/[:<>]/g, ''), ...strengths, ...named].join(':')}>`;
}

function hiresFields(hires: HiresSettings | undefined, { width, height }: PictureSettings): Fields {
  if (!hires) return {};
  const scale = hires.width / width;
  const isScaled = hires.height === Math.floor(height * scale) && String(scale).length < 6;
  return {
    'Hires sampler': hires.sampler,
    'Hires prompt': hires.prompt === undefined ? undefined : portablePrompt(hires.prompt),
    'Hires negative prompt':
      hires.negativePrompt === undefined ? undefined : portablePrompt(hires.negativePrompt),
    'Hires CFG Scale': hires.guidance,
    'Hires schedule type': hires.scheduler,
    'Hires upscale': isScaled ? scale : undefined,
    'Hires resize': isScaled ? undefined : `${hires.width}x${hires.height}`,
    'Hires steps': hires.steps,
    'Hires upscaler': upscalerLabels[hires.upscaler],
  };
}

function inpaintFields(inpaint: InpaintSettings | undefined): Fields {
  if (!inpaint) return {};
  const isMaskedArea = inpaint.area === 'masked';
  return {
    'Mask mode': inpaint.invert ? 'Inpaint not masked' : undefined,
    'Mask blur': inpaint.blur,
    'Inpaint area': isMaskedArea ? 'Only masked' : undefined,
    'Masked area padding': isMaskedArea ? inpaint.padding : undefined,
    'Masked content': inpaint.content === 'original' ? undefined : maskedContentLabels[inpaint.content],
  };
}

function samplerFields({ sampler, samplerOptions = {} }: PictureSettings): Fields {
  const { eta, churn, churnFrom, churnTo, noise } = samplerOptions;
  return {
    [countsTimesteps(sampler) ? 'Eta DDIM' : 'Eta']: eta,
    'Sigma churn': churn,
    'Sigma tmin': churnFrom,
    'Sigma tmax': churnTo,
    'Sigma noise': noise,
  };
}

/** The `Hashes` that Civitai reads. The model stands first, where A1111's reading rule passes over it. */
function civitaiHashes({ modelHash, loras = [], embeddings = [] }: InfotextFacts): string | undefined {
  const named = (kind: string, hashes: readonly NamedHash[]): [string, string][] =>
    hashes.map(({ name, hash }) => [`${kind}:${portableName(name)}`, hash.slice(0, 12)]);
  const entries = [...named('lora', loras), ...named('embed', embeddings)];
  if (modelHash !== undefined) entries.unshift(['model', modelHash.slice(0, 10)]);
  return entries.length > 0 ? `Hashes: ${JSON.stringify(Object.fromEntries(entries))}` : undefined;
}

/**
 * The `parameters` text of a picture. LoRAs that were given beside the prompt get a tag at its end. What A1111 has no
 * field for (presets, resize modes, templates) is only in our own JSON.
 */
export function infotextOf(settings: PictureSettings, facts: InfotextFacts = {}): string {
  const { init, inpaint, hires, variation, noiseSize, emphasis } = settings;
  const hasBrackets = /[([]/.test(settings.prompt + settings.negativePrompt);
  const modelHash = facts.modelHash ?? settings.model.hash;
  const given = settings.loras.flatMap(({ name, hash }) => (hash === undefined ? [] : [{ name, hash }]));
  const loras = facts.loras ?? given;
  const text = writeInfotext({
    prompt: [portablePrompt(settings.prompt), ...settings.loras.map(tagOf)].join(' ').trim(),
    negativePrompt: portablePrompt(settings.negativePrompt),
    fields: {
      Steps: settings.steps,
      Sampler: settings.sampler,
      'Schedule type': settings.scheduler,
      'CFG scale': settings.guidance,
      Seed: String(settings.seed),
      Size: `${settings.width}x${settings.height}`,
      'Model hash': modelHash?.slice(0, 10),
      Model: settings.model.name,
      'Variation seed': variation && String(variation.seed),
      'Variation seed strength': variation?.strength,
      'Seed resize from': noiseSize && `${noiseSize.width}x${noiseSize.height}`,
      'Denoising strength': init?.strength ?? hires?.strength,
      'Conditional mask weight': facts.isInpaintModel ? '1.0' : undefined,
      'Clip skip': settings.clipSkip > 1 ? settings.clipSkip : undefined,
      'Init image hash': init?.picture.sha256,
      RNG: noiseLabels[settings.noise],
      ...hiresFields(hires, settings),
      ...inpaintFields(inpaint),
      ...samplerFields(settings),
      'CFG Rescale': settings.guidanceRescale || undefined,
      Emphasis: hasBrackets ? emphasisLabels[emphasis] : undefined,
      'TI hashes': listed(facts.embeddings),
      'Lora hashes': listed(loras),
      Version: `lora-studio ${version}`,
    },
  });
  const hashes = civitaiHashes({ ...facts, modelHash, loras });
  return hashes === undefined ? text : `${text}, ${hashes}`;
}
