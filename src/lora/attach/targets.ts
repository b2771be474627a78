/** @file Which layers get a LoRA: the presets people know, or globs over layer paths. */
import { usageError } from '../../errors.ts';
import type { LayerInfo } from '../../models/index.ts';

/**
 * Preset → layer paths inside the UNet. `linear` is kohya's default (everything inside the transformers, whose
 * 1×1 convolutions count as linear); `conv` adds the residual blocks and samplers (LoCon).
 */
const presets: ReadonlyMap<string, RegExp> = new Map([
  ['attention', /\.attentions\..*\.attn[12]\.to_(q|k|v|out\.0)$/],
  ['attention+ff', /\.attentions\..*\.(attn[12]\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))$/],
  ['linear', /\.attentions\./],
  ['conv', /\.(attentions|resnets|downsamplers|upsamplers)\./],
]);

export const targetPresets: readonly string[] = [...presets.keys()];

function globToPattern(glob: string): RegExp {
  const escaped = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`(^|\\.)${escaped}$`);
}

/** Layers of `layers` that the comma-separated presets and globs choose. A part that matches nothing is an error. */
export function chooseTargets(layers: readonly LayerInfo[], choice: string): LayerInfo[] {
  const wanted = choice.split(',').map(part => part.trim());
  const chosen = new Set<LayerInfo>();
  for (const part of wanted) {
    const pattern = presets.get(part) ?? globToPattern(part);
    const hits = layers.filter(layer => layer.target.startsWith('unet.') && pattern.test(layer.target));
    if (hits.length === 0) {
      throw usageError(
        'TARGET_UNKNOWN',
        `--targets ${part} matches no layer`,
        `Use ${targetPresets.join(', ')}, or a glob such as *.attn2.to_k`,
      );
    }
    for (const hit of hits) chosen.add(hit);
  }
  return layers.filter(layer => chosen.has(layer));
}
