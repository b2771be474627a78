/** @file What a combined LoRA says of itself: what it was made of, by names and strengths, and what all of them say alike. */
import { version } from '../../version.ts';
import type { LoraModule } from '../kinds/module.ts';
import { pythonFloat } from '../metadata/python-text.ts';
import type { CombinedFile } from './combine.ts';

/** Our own entry, in JSON. */
export const combinedKey = 'lora_studio.combined';

/** Entries about the base model, which hold where all LoRAs say the same. */
const shared = [
  ...['ss_base_model_version', 'ss_v2', 'ss_sd_model_name', 'ss_clip_skip'],
  ...['modelspec.architecture', 'modelspec.resolution', 'modelspec.prediction_type', 'modelspec.license'],
  'modelspec.encoder_layer',
];

/** Names in `modelspec.merged_from` stand between commas. */
const listed = (names: readonly string[]): string => names.map(name => name.replaceAll(',', ' ')).join(', ');

function sharedEntries(files: readonly CombinedFile[]): Record<string, string> {
  const [{ file: first }, ...others] = files;
  const alike = shared.filter(
    key =>
      first.metadata[key] !== undefined &&
      others.every(({ file }) => file.metadata[key] === first.metadata[key]),
  );
  return Object.fromEntries(alike.map(key => [key, first.metadata[key]]));
}

const partOf = ({ name, strength, textStrength = strength, blocks }: CombinedFile) => ({
  ...{ name, strength, textStrength },
  ...(blocks ? { blocks: Object.fromEntries(blocks) } : {}),
});

export function combinedMetadata(
  files: readonly CombinedFile[],
  modules: readonly LoraModule[],
): Record<string, string> {
  const ranks = [...new Set(modules.map(({ rank }) => rank))].filter(rank => rank > 0);
  const parts = files.map(partOf);
  const names = parts.map(({ name }) => name);
  const told = parts.map(({ name, strength, textStrength }) =>
    textStrength === strength ? `${name}:${strength}` : `${name}:${strength}:te=${textStrength}`,
  );
  return {
    ...sharedEntries(files),
    ss_network_module: 'networks.lora',
    ss_network_dim: ranks.length === 1 ? String(ranks[0]) : 'Dynamic',
    ss_network_alpha: ranks.length === 1 ? pythonFloat(ranks[0]) : 'Dynamic',
    ss_training_comment: `combined of ${told.join(', ')}`,
    [combinedKey]: JSON.stringify({ loras: parts, version }),
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.implementation': 'diffusers',
    'modelspec.implementation_version': `lora-studio ${version}`,
    'modelspec.merged_from': listed(names),
  };
}
