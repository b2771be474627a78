/** @file What the metadata of a resized LoRA say, as sd-scripts' resize_lora.py writes it. */
import { pythonFloat } from '../metadata/python-text.ts';
import type { RankRule } from './rank-rule.ts';
import type { ResizedFacts } from './resize.ts';

type Metadata = Readonly<Record<string, string>>;

/** Entries that the tensors no longer bear out; the writer puts true hashes in. */
const outdated = [
  ...['sshs_model_hash', 'sshs_legacy_hash', 'modelspec.hash_sha256', 'modelspec.date'],
  'lora_adapter_metadata',
];

/** Arguments of the network that told ranks and kinds. */
const rankArguments =
  /^(?:conv|block|conv_block)_(?:dims?|alphas?)$|^(?:algo|factor|decompose_both|full_matrix|use_tucker|use_cp|dora_wd|wd_on_output|constraint|rescaled)$/;

export function networkArguments(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given !== 'object' || given === null) return text;
    return JSON.stringify(
      Object.fromEntries(Object.entries(given).filter(([key]) => !rankArguments.test(key))),
    );
  } catch {
    return text;
  }
}

/** What was done, in front of what the training said. */
export const commented = (how: string, comment: string | undefined): string =>
  comment && comment !== 'None' ? `${how}; ${comment}` : how;

const distinct = (ranks: readonly number[]): number[] => [...new Set(ranks)].sort((a, b) => a - b);

/** `16`, or `4 to 32`. */
export function showRanks(ranks: readonly number[]): string {
  const sorted = distinct(ranks);
  return sorted.length > 1 ? `${sorted[0]} to ${sorted[sorted.length - 1]}` : String(sorted[0]);
}

export function resizedMetadata(own: Metadata, rule: RankRule, facts: readonly ResizedFacts[]): Metadata {
  const ranked = facts.filter(({ after }) => after > 0);
  const old = Math.max(0, ...ranked.map(({ before }) => before));
  const ranks = distinct(ranked.map(({ after }) => after));
  const alphas = distinct(ranked.map(({ alpha }) => alpha));
  const how =
    rule.by === 'rank'
      ? `dimension is resized from ${old} to ${rule.value}`
      : `Dynamic resize with ${rule.by.replace('-', '_')}: ${rule.value} from ${old}`;
  const kept = Object.entries(own).filter(([key]) => !outdated.includes(key));
  const args = networkArguments(own.ss_network_args);
  return {
    ...Object.fromEntries(kept),
    ss_network_module: 'networks.lora',
    ss_network_dim: ranks.length === 1 ? String(ranks[0]) : 'Dynamic',
    ss_network_alpha: alphas.length === 1 ? pythonFloat(alphas[0]) : 'Dynamic',
    ...(args === undefined ? {} : { ss_network_args: args }),
    ss_training_comment: commented(how, own.ss_training_comment),
  };
}
