/** @file How much of a model a LoRA changes, against what kohya's scripts change unless told otherwise. */
import type { Family } from '../../models/index.ts';
import type { Part } from '../names/layers.ts';
import { partOf } from './places.ts';

/** Modules of kohya's default targets (sd-scripts networks/lora.py): transformers, and attention and MLP of text encoders. */
const defaults: Readonly<Record<Family, Readonly<Partial<Record<Part, number>>>>> = {
  sd15: { unet: 192, text_encoder: 72 },
  sd2: { unet: 192, text_encoder: 138 },
  sdxl: { unet: 722, text_encoder: 72, text_encoder_2: 192 },
  pocket: { unet: 84, text_encoder: 12 },
};

const isDefault = (target: string): boolean =>
  partOf(target) === 'unet'
    ? /\.attentions\.\d+\.(proj_in|proj_out|.*\.(to_[qkv]|to_out\.0|ff\.net\.0\.proj|ff\.net\.2))$/.test(
        target,
      )
    : /\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])$/.test(target);

export interface PartCoverage {
  readonly part: Part;
  /** Modules on kohya's default targets. */
  readonly modules: number;
  /** How many such targets the family has; undefined for an unknown family. */
  readonly of?: number;
  /** Modules on other layers: convolutions, norms, embeddings. */
  readonly others: number;
}

const parts: readonly Part[] = ['unet', 'text_encoder', 'text_encoder_2'];

/** One row for each part that has modules, or could have some. */
export function coverageOf(targets: readonly string[], family: Family | undefined): PartCoverage[] {
  return parts.flatMap(part => {
    const own = targets.filter(target => partOf(target) === part);
    const of = family && defaults[family][part];
    if (own.length === 0 && of === undefined) return [];
    const modules = own.filter(isDefault).length;
    return [{ part, modules, ...(of === undefined ? {} : { of }), others: own.length - modules }];
  });
}
