/** @file Where in the model a target lies, in the words of tables and pictures: its part, block and layer. */
import type { Family } from '../../models/index.ts';
import { blockNameOf } from '../names/blocks.ts';
import type { Part } from '../names/layers.ts';

/** `other`: a layer of no Stable Diffusion. */
export type PartName = Part | 'other';

const order: readonly PartName[] = ['unet', 'text_encoder', 'text_encoder_2', 'other'];

export const partOf = (target: string): PartName =>
  order.find(part => target.startsWith(`${part}.`)) ?? 'other';

const textShort: Readonly<Record<PartName, string>> = {
  ...{ unet: '', text_encoder: 'te', text_encoder_2: 'te2', other: '' },
};

const short = (target: string, name: string): string => `${textShort[partOf(target)]} ${name}`.trim();

const sections = /\.((?:down|up)_blocks\.\d+|mid_block)\./;
const textLayers = /\.encoder\.(layers\.\d+)\./;

/**
 * `unet.down_blocks.1.attentions.0.…` → `IN04` where the family is known, as block weights call it, else
 * `down_blocks.1`; `text_encoder.text_model.encoder.layers.3.…` → `te layers.3`.
 */
export function blockOf(target: string, family: Family | undefined): string {
  const numbered = family && partOf(target) === 'unet' ? blockNameOf(target, family) : undefined;
  return numbered ?? short(target, (sections.exec(target) ?? textLayers.exec(target))?.[1] ?? 'other');
}

/** The part of the UNet that a block is in, for people: `down 1`, `mid`, `up 2`; nothing for text encoders. */
export function sectionOf(target: string): string {
  return sections.exec(target)?.[1].replace('_blocks.', ' ').replace('_block', '') ?? '';
}

/** What a layer is called, whatever block it is in: the end of its name behind the last number of a list. */
export function layerOf(target: string): string {
  const part = partOf(target);
  if (part === 'other') return 'other';
  const path = target.slice(part.length + 1);
  const inBlock = path.replace(
    /^(?:(?:down|up)_blocks\.\d+|mid_block)\.(?:resnets|attentions|(?:down|up)samplers)\.\d+\.(?:transformer_blocks\.\d+\.)?/,
    '',
  );
  const inText = inBlock.replace(/^text_model\.(?:encoder\.layers\.\d+\.(?:self_attn\.|mlp\.)?)?/, '');
  return short(target, inText);
}

const stages: readonly RegExp[] = [
  /^unet\.(conv_in|time_embedding|add_embedding)/,
  /^unet\.down/,
  /^unet\.mid/,
  /^unet\.up/,
];

/** Numbers that sort targets as the model runs: inputs, down, mid, up, outputs, then text encoders. */
function placeOf(target: string): readonly number[] {
  const stage = stages.findIndex(pattern => pattern.test(target));
  const [level = 0, layer = 0] =
    /_blocks\.(\d+)\.\w+\.(\d+)/.exec(target)?.slice(1).map(Number) ??
    /(?:layers|mid_block\.\w+)\.(\d+)/.exec(target)?.slice(1).map(Number) ??
    [];
  const isSampler = /samplers\./.test(target) ? 1 : 0;
  return [order.indexOf(partOf(target)), stage < 0 ? stages.length : stage, level, isSampler, layer];
}

/** Compares targets by where the model runs them. */
export function inModelOrder(a: string, b: string): number {
  const [one, two] = [placeOf(a), placeOf(b)];
  const at = one.findIndex((x, i) => x !== two[i]);
  return at < 0 ? 0 : one[at] - two[at];
}
