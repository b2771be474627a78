/**
 * @file Every layer of a UNet and of a text encoder that a LoRA may change, as patterns of Diffusers' names: `#` is a
 * number. With the dots as `_`, as kohya writes them, a name still leads to one pattern only.
 */
import { fromLdmUnetName } from '../../models/index.ts';

export type Part = 'unet' | 'text_encoder' | 'text_encoder_2';

const attention = ['to_q', 'to_k', 'to_v', 'to_out.#'];
const transformerBlock = [
  ...['norm1', 'norm2', 'norm3', 'ff.net.#', 'ff.net.#.proj'],
  ...['attn1', 'attn2'].flatMap(name => attention.map(layer => `${name}.${layer}`)),
];
const transformer = [
  ...['norm', 'proj_in', 'proj_out'],
  ...transformerBlock.map(layer => `transformer_blocks.#.${layer}`),
];
const resnet = ['norm1', 'conv1', 'time_emb_proj', 'norm2', 'conv2', 'conv_shortcut'];

const unet: readonly string[] = [
  ...['conv_in', 'conv_norm_out', 'conv_out', 'time_embedding.linear_#', 'add_embedding.linear_#'],
  ...['down_blocks.#.downsamplers.#.conv', 'up_blocks.#.upsamplers.#.conv'],
  ...['down_blocks.#', 'mid_block', 'up_blocks.#'].flatMap(block => [
    ...resnet.map(layer => `${block}.resnets.#.${layer}`),
    ...transformer.map(layer => `${block}.attentions.#.${layer}`),
  ]),
];

const textLayer = [
  ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].map(layer => `self_attn.${layer}`),
  ...['mlp.fc1', 'mlp.fc2', 'layer_norm1', 'layer_norm2'],
];
const text: readonly string[] = [
  ...textLayer.map(layer => `text_model.encoder.layers.#.${layer}`),
  ...['token_embedding', 'position_embedding'].map(layer => `text_model.embeddings.${layer}`),
  ...['text_model.final_layer_norm', 'text_projection'],
];

/**
 * What older files write for a layer. Diffusers of 2023 named attention processors, whose output had no number, and
 * text encoders by the words of UNets (utils/state_dict_utils.py); transformers 5 leaves `text_model` out.
 */
const otherUnet: readonly (readonly [theirs: string, ours: string])[] = unet
  .filter(pattern => /attn[12]\.to_/.test(pattern))
  .flatMap(pattern => {
    const old = pattern.replace(/\.#$/, '');
    return [old, pattern.replace('.to_', '.processor.to_'), old.replace('.to_', '.processor.to_')].map(
      theirs => [theirs, pattern] as const,
    );
  });
const otherText: readonly (readonly [theirs: string, ours: string])[] = text.flatMap(pattern => {
  const bare = pattern.replace(/^text_model\./, '');
  const old = pattern.replace(/self_attn\.(\w+)_proj$/, 'self_attn.to_$1');
  return [bare, old, old.replace(/^text_model\./, '')].map(theirs => [theirs, pattern] as const);
});

const numbers = /(?<=_)\d+(?=_|$)/g;
const flat = (name: string): string => name.replaceAll('.', '_');

function patternMap(own: readonly string[], other: readonly (readonly [string, string])[]) {
  const byName = new Map(other.map(([theirs, ours]) => [flat(theirs), ours]));
  for (const pattern of own) byName.set(flat(pattern), pattern);
  return byName;
}
const unetPatterns = patternMap(unet, otherUnet);
const textPatterns = patternMap(text, otherText);

function fill(patterns: ReadonlyMap<string, string>, name: string): string | undefined {
  const flatName = flat(name);
  const pattern = patterns.get(flatName.replace(numbers, '#'));
  const found = flatName.match(numbers) ?? [];
  let next = 0;
  // `to_out` without a number is the first of its list.
  return pattern?.replace(/#/g, () => String(Number(found[next++] ?? 0)));
}

/** How the blocks of a UNet are called. */
export type BlockNaming = 'diffusers' | 'ldm';

export interface FoundLayer {
  readonly part: Part;
  /** Diffusers path inside the part. */
  readonly path: string;
  /** Undefined for layers of a text encoder. */
  readonly blocks?: BlockNaming;
}

/** The layer of a UNet that a name without prefix means, whatever its separators and block naming. */
export function unetLayer(name: string): FoundLayer | undefined {
  const path = fill(unetPatterns, name);
  if (path) return { part: 'unet', path, blocks: 'diffusers' };
  const renamed = fromLdmUnetName(name);
  const fromLdm = renamed && fill(unetPatterns, renamed);
  return fromLdm ? { part: 'unet', path: fromLdm, blocks: 'ldm' } : undefined;
}

/** The layer of a text encoder that a name without prefix means. */
export function textEncoderLayer(name: string, part: Part): FoundLayer | undefined {
  const path = fill(textPatterns, name);
  return path ? { part, path } : undefined;
}

/** Parts as they are shown, in their order. */
export const partNames: Readonly<Record<Part, string>> = {
  unet: 'UNet',
  text_encoder: 'text encoder',
  text_encoder_2: 'text encoder 2',
};
