/** @file Names of LoRA tensors in files: kohya's, and those of Diffusers and PEFT. */

import type { BaseLayer } from '../kinds/module.ts';
import { ldmPath } from './block-names.ts';

/** How the blocks of a UNet are called; kohya has Diffusers names for SD 1 and 2, LDM names for SDXL. */
export type BlockNaming = 'diffusers' | 'ldm';

const partPrefixes: ReadonlyMap<string, string> = new Map([
  ['unet', 'lora_unet'],
  ['text_encoder', 'lora_te'],
  ['text_encoder_2', 'lora_te2'],
]);

/** `unet.mid_block.attentions.0.proj_in` → `lora_unet_mid_block_attentions_0_proj_in`, or `…_middle_block_1_proj_in` */
export function kohyaName(target: string, blocks: BlockNaming = 'diffusers'): string {
  const dot = target.indexOf('.');
  const [part, path] = [target.slice(0, dot), target.slice(dot + 1)];
  const prefix = partPrefixes.get(part);
  if (!prefix) throw new Error(`${target} belongs to no known part`);
  const named = part === 'unet' && blocks === 'ldm' ? ldmPath(path) : path;
  return `${prefix}_${named.replaceAll('.', '_')}`;
}

export type Role = 'down' | 'up' | 'alpha';

const suffixes: readonly { readonly suffix: string; readonly role: Role }[] = [
  { suffix: '.lora_down.weight', role: 'down' },
  { suffix: '.lora_up.weight', role: 'up' },
  { suffix: '.alpha', role: 'alpha' },
  { suffix: '.lora_A.weight', role: 'down' },
  { suffix: '.lora_B.weight', role: 'up' },
  { suffix: '.lora_A.default.weight', role: 'down' },
  { suffix: '.lora_B.default.weight', role: 'up' },
  { suffix: '.lora.down.weight', role: 'down' },
  { suffix: '.lora.up.weight', role: 'up' },
  { suffix: '.lora_linear_layer.down.weight', role: 'down' },
  { suffix: '.lora_linear_layer.up.weight', role: 'up' },
];

/** Splits a key into its module and role; undefined when it is not a tensor of a plain LoRA. */
export function splitKey(key: string): { module: string; role: Role } | undefined {
  const row = suffixes.find(({ suffix }) => key.endsWith(suffix));
  return row && { module: key.slice(0, -row.suffix.length), role: row.role };
}

/** From every name that a layer may have in a file to the layer. */
export function moduleNames(layers: readonly BaseLayer[]): Map<string, BaseLayer> {
  const names = new Map<string, BaseLayer>();
  for (const layer of layers) {
    const { target } = layer;
    names.set(kohyaName(target), layer);
    names.set(target, layer);
    names.set(`base_model.model.${target}`, layer);
    if (target.startsWith('unet.')) {
      names.set(target.slice(5), layer);
      names.set(kohyaName(target, 'ldm'), layer);
    }
    // diffusers' converter writes lora_te1_ also for models with one text encoder.
    if (target.startsWith('text_encoder.'))
      names.set(kohyaName(target).replace('lora_te_', 'lora_te1_'), layer);
  }
  return names;
}
