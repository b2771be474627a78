/** @file What a converted file says of itself: what it said before, without what is no longer so. */
import type { WrittenDialect } from '../file/dialect-tensors.ts';
import type { LoraFile } from '../file/open.ts';
import { byPart, loraConfig } from '../file/peft-config.ts';
import { isLowRank, type LoraModule } from '../kinds/module.ts';
import { pythonFloat } from '../metadata/python-text.ts';
import type { RankRule } from './rank-rule.ts';
import { commented, networkArguments } from './resize-metadata.ts';

const rankOf = ({ rank }: LoraModule): number => rank;

/** Diffusers reads its config from the header, with the part in front of each field. */
function diffusersHeader(modules: readonly LoraModule[]): string {
  const fields = [...byPart(modules)].flatMap(([part, ofPart]) =>
    Object.entries(loraConfig(ofPart, rankOf)).map(([field, value]) => [`${part}.${field}`, value]),
  );
  return JSON.stringify(Object.fromEntries(fields));
}

/** One number, or sd-scripts' word for several. */
function oneOr(values: readonly number[], show: (value: number) => string): string {
  const distinct = [...new Set(values)];
  return distinct.length === 1 ? show(distinct[0]) : 'Dynamic';
}

/** The entries that kohya's programs read; alpha is in up where a file for Diffusers has none. */
function networkEntries(modules: readonly LoraModule[], to: WrittenDialect): Record<string, string> {
  const ranked = modules.filter(({ rank }) => rank > 0);
  if (ranked.length === 0) return {};
  return {
    ss_network_dim: oneOr(ranked.map(rankOf), String),
    ss_network_alpha: oneOr(
      ranked.map(({ rank, alpha }) => (to === 'diffusers' ? rank : alpha)),
      pythonFloat,
    ),
  };
}

const moduleName = (modules: readonly LoraModule[]): string =>
  modules.every(isLowRank) ? 'networks.lora' : 'lycoris.kohya';

const isOfNetwork = (key: string): boolean => key.startsWith('ss_network_');

/** What a file says of itself once modules of it are plain LoRA. */
export function bakedMetadata(
  own: Readonly<Record<string, string>>,
  { by, value }: RankRule,
  modules: readonly LoraModule[],
): Record<string, string> {
  const args = networkArguments(own.ss_network_args);
  const how = `baked to plain LoRA with ${by.replaceAll('-', '_')}: ${value}`;
  return {
    ...own,
    ...(Object.keys(own).some(isOfNetwork) ? { ss_network_module: moduleName(modules) } : {}),
    ...(args === undefined ? {} : { ss_network_args: args }),
    ss_training_comment: commented(how, own.ss_training_comment),
  };
}

/** Metadata of a converted file; hashes are put in when it is written. */
export function convertedMetadata(
  { metadata }: LoraFile,
  modules: readonly LoraModule[],
  to: WrittenDialect,
): Record<string, string> {
  const { lora_adapter_metadata: _, ...kept } = metadata;
  const isKohya = Object.keys(kept).some(isOfNetwork);
  return {
    ...{ format: 'pt', ...kept },
    ...(to === 'kohya' && !isKohya ? { ss_network_module: moduleName(modules) } : {}),
    ...(to === 'kohya' || isKohya ? networkEntries(modules, to) : {}),
    ...(to === 'diffusers' ? { lora_adapter_metadata: diffusersHeader(modules) } : {}),
  };
}
