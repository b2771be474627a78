/**
 * @file The ways in which files name a layer: what stands before it, whether dots are `_`, and how the blocks of the
 * UNet are called. One row a naming, read and written from the same row.
 */
import { architectureOf, type Family, ldmUnetName } from '../../models/index.ts';
import { type BlockNaming, type FoundLayer, type Part, textEncoderLayer, unetLayer } from './layers.ts';

/** Who names layers so. */
export type Dialect = 'kohya' | 'lycoris' | 'diffusers' | 'peft' | 'comfy' | 'original';

export interface Naming {
  readonly dialect: Dialect;
  readonly blocks: BlockNaming;
  /** Dots of the layer are written as `_`. */
  readonly flat: boolean;
  /** What stands before a layer of each part; a naming without a part cannot name it. */
  readonly prefixes: Readonly<Partial<Record<Part, string>>>;
}

const kohyaUnet = { dialect: 'kohya', flat: true } as const;
const twoEncoders = { unet: 'lora_unet_', text_encoder: 'lora_te1_', text_encoder_2: 'lora_te2_' } as const;
const dotted = { blocks: 'diffusers', flat: false } as const;
const comfyUnet = { dialect: 'comfy', blocks: 'ldm', flat: false } as const;
const comfyText = (encoder: string): string => `text_encoders.${encoder}.transformer.`;

export const namings = {
  /** SD 1.x and 2.x (sd-scripts networks/lora.py). */
  kohya: {
    ...kohyaUnet,
    ...{ blocks: 'diffusers', prefixes: { unet: 'lora_unet_', text_encoder: 'lora_te_' } },
  },
  /** SDXL, whose UNet sd-scripts keeps in the LDM layout. */
  kohyaSdxl: { ...kohyaUnet, blocks: 'ldm', prefixes: twoEncoders },
  /** SDXL as OneTrainer (LEGACY), ai-toolkit and the converter of Diffusers write it. */
  kohyaSdxlDiffusers: { ...kohyaUnet, blocks: 'diffusers', prefixes: twoEncoders },
  /** LyCORIS' own wrapper around one model (lycoris/wrapper.py). */
  lycoris: {
    ...{ dialect: 'lycoris', blocks: 'diffusers', flat: true },
    prefixes: { unet: 'lycoris_', text_encoder: 'lycoris_' },
  },
  diffusers: {
    ...{ dialect: 'diffusers', ...dotted },
    prefixes: { unet: 'unet.', text_encoder: 'text_encoder.', text_encoder_2: 'text_encoder_2.' },
  },
  /** Files of `unet.save_attn_procs`. */
  diffusersUnet: { dialect: 'diffusers', ...dotted, prefixes: { unet: '' } },
  /** An adapter of one model: PEFT has one folder for each. */
  peft: {
    ...{ dialect: 'peft', ...dotted },
    prefixes: {
      ...{ unet: 'base_model.model.', text_encoder: 'base_model.model.' },
      text_encoder_2: 'base_model.model.',
    },
  },
  comfySd1: { ...comfyUnet, prefixes: { unet: 'diffusion_model.', text_encoder: comfyText('clip_l') } },
  comfySd2: { ...comfyUnet, prefixes: { unet: 'diffusion_model.', text_encoder: comfyText('clip_h') } },
  comfySdxl: {
    ...comfyUnet,
    prefixes: {
      ...{ unet: 'diffusion_model.', text_encoder: comfyText('clip_l') },
      text_encoder_2: comfyText('clip_g'),
    },
  },
  /** OneTrainer's ORIGINAL: the UNet alone, in the LDM layout. */
  original: { dialect: 'original', blocks: 'ldm', flat: false, prefixes: { unet: '' } },
} as const satisfies Record<string, Naming>;

export type NamingName = keyof typeof namings;

/** `unet.mid_block.attentions.0.proj_in` → its part and the path in it. */
export function splitTarget(target: string): { part: Part; path: string } {
  const dot = target.indexOf('.');
  return { part: target.slice(0, dot) as Part, path: target.slice(dot + 1) };
}

function ldmLayer(path: string, family: Family): string {
  const architecture = architectureOf(family);
  if (!architecture) throw new Error(`the ${family} model has no layout of blocks but that of Diffusers`);
  return ldmUnetName(`${path}.weight`, architecture.unet).slice(0, -'.weight'.length);
}

/** Where a layer is in its model by PEFT, which asks the model: transformers 5 has no `text_model` in CLIPTextModel. */
export function peftPath(target: string): string {
  const { part, path } = splitTarget(target);
  return part === 'text_encoder' ? path.replace(/^text_model\./, '') : path;
}

/** What a naming calls a target, which is a Diffusers path with its part in front; `family` for LDM block names. */
export function nameOf(target: string, name: NamingName, family: Family): string {
  const naming: Naming = namings[name];
  const { part, path } = splitTarget(target);
  const prefix = naming.prefixes[part];
  if (prefix === undefined) throw new Error(`${name} has no name for ${target}`);
  if (naming.dialect === 'peft') return prefix + peftPath(target);
  const layer = part === 'unet' && naming.blocks === 'ldm' ? ldmLayer(path, family) : path;
  return prefix + (naming.flat ? layer.replaceAll('.', '_') : layer);
}

interface Prefix {
  readonly prefix: string;
  readonly dialect: Dialect;
  /** Undefined: the rest of the name says. */
  readonly part?: Part;
}

/** More that is read: wrappers of whole state dicts, and prefixes that two parts share. */
const otherPrefixes: readonly Prefix[] = [
  { prefix: 'model.diffusion_model.', dialect: 'comfy', part: 'unet' },
  { prefix: 'clip_l.transformer.', dialect: 'comfy', part: 'text_encoder' },
  { prefix: 'clip_h.transformer.', dialect: 'comfy', part: 'text_encoder' },
  { prefix: 'clip_g.transformer.', dialect: 'comfy', part: 'text_encoder_2' },
];

const prefixes: readonly Prefix[] = (() => {
  const byPrefix = new Map<string, Prefix>(otherPrefixes.map(row => [row.prefix, row]));
  for (const { dialect, prefixes: ofParts } of Object.values<Naming>(namings)) {
    for (const [part, prefix] of Object.entries(ofParts) as [Part, string][]) {
      const known = byPrefix.get(prefix);
      const isShared = known !== undefined && known.part !== part;
      byPrefix.set(prefix, isShared || prefix === '' ? { prefix, dialect } : { prefix, dialect, part });
    }
  }
  return [...byPrefix.values()].sort((a, b) => b.prefix.length - a.prefix.length);
})();

export interface ParsedName extends FoundLayer {
  readonly dialect: Dialect;
  /** Whether the name says which part it belongs to; `text_model…` alone may be of either text encoder. */
  readonly saysPart: boolean;
}

const inPart = (layer: string, part: Part | undefined): FoundLayer | undefined =>
  part === undefined
    ? (unetLayer(layer) ?? textEncoderLayer(layer, 'text_encoder'))
    : part === 'unet'
      ? unetLayer(layer)
      : textEncoderLayer(layer, part);

const wrapper = namings.peft.prefixes.unet;

/** The layer that a name in a file means, in any naming; undefined for what is no layer of Stable Diffusion. */
export function parseName(name: string): ParsedName | undefined {
  if (name.startsWith(wrapper)) {
    const inside = parseName(name.slice(wrapper.length));
    return inside && { ...inside, dialect: 'peft' };
  }
  for (const { prefix, dialect, part } of prefixes) {
    if (!name.startsWith(prefix)) continue;
    const found = inPart(name.slice(prefix.length), part);
    if (!found) continue;
    const bare = prefix === '' && found.blocks !== 'ldm' ? 'diffusers' : dialect;
    return { ...found, dialect: bare, saysPart: part !== undefined || found.part === 'unet' };
  }
  return undefined;
}

/** What a base of this family is written with in each dialect that is written. */
export const namingOf = (dialect: 'kohya' | 'diffusers' | 'peft' | 'comfy', family: Family): NamingName => {
  if (dialect === 'kohya') return family === 'sdxl' ? 'kohyaSdxl' : 'kohya';
  if (dialect === 'comfy')
    return family === 'sdxl' ? 'comfySdxl' : family === 'sd2' ? 'comfySd2' : 'comfySd1';
  return dialect;
};

/** kohya's name: `lora_unet_mid_block_…`, or with SDXL's LDM block names `lora_unet_middle_block_…`. */
export function kohyaName(target: string, blocks: BlockNaming = 'diffusers'): string {
  if (blocks === 'ldm') return nameOf(target, 'kohyaSdxl', 'sdxl');
  const isSecond = splitTarget(target).part === 'text_encoder_2';
  return nameOf(target, isSecond ? 'kohyaSdxlDiffusers' : 'kohya', 'sdxl');
}
