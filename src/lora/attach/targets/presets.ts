/** @file Sets of layers that people know by a word, for UNets and text encoders. */

interface Preset {
  /** Of a layer's path inside the UNet. */
  readonly unet?: RegExp;
  /** Of a layer's path inside a text encoder. */
  readonly text?: RegExp;
}

const selfAttention = /\.self_attn\.(q|k|v|out)_proj$/;
const wholeTextLayer = /\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])$/;

/**
 * `linear` is kohya's default in a UNet (everything inside the transformers, whose 1×1 convolutions count as linear),
 * `attention+mlp` in a text encoder; `conv` adds the residual blocks and samplers (LoCon).
 */
const presets: Readonly<Record<string, Preset>> = {
  attention: { unet: /\.attentions\..*\.attn[12]\.to_(q|k|v|out\.0)$/, text: selfAttention },
  'attention+ff': {
    unet: /\.attentions\..*\.(attn[12]\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))$/,
    text: wholeTextLayer,
  },
  'attention+mlp': { text: wholeTextLayer },
  linear: { unet: /\.attentions\./, text: wholeTextLayer },
  conv: { unet: /\.(attentions|resnets|downsamplers|upsamplers)\./ },
};

export const presetNames: readonly string[] = Object.keys(presets);

/** Presets of the UNet, for help and errors. */
export const targetPresets: readonly string[] = presetNames.filter(name => presets[name].unet);
/** Presets of text encoders. */
export const textPresets: readonly string[] = ['attention', 'attention+mlp'];

/** Whether a target is in the preset `name`; undefined when there is no such preset. */
export function presetMatcher(name: string): ((target: string) => boolean) | undefined {
  if (!Object.hasOwn(presets, name)) return undefined;
  const { unet, text } = presets[name];
  return target => (target.startsWith('unet.') ? unet : text)?.test(target) ?? false;
}
