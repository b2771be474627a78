/**
 * @file What PEFT keeps beside the tensors: ranks and alphas by pattern. It is a file of its folders, and JSON in the
 * header of Diffusers' files (`lora_adapter_metadata`), with each part's name in front of the keys.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badInput } from '../../errors.ts';

const patterns = z.record(z.string().max(500), z.number()).nullish();

const schema = z.object({
  peft_type: z.string().nullish(),
  r: z.number().int().min(0).max(1_000_000).nullish(),
  lora_alpha: z.number().nullish(),
  /** LoHa and LoKr call it so. */
  alpha: z.number().nullish(),
  rank_pattern: patterns,
  alpha_pattern: patterns,
  use_rslora: z.boolean().nullish(),
});

type Patterns = readonly (readonly [pattern: RegExp, value: number])[];

/** What decides the scale of an adapter's modules. */
export interface AdapterConfig {
  /** The alpha of a module without one of its own. */
  readonly alpha: number | undefined;
  readonly alphaPatterns: Patterns;
  /** The rank of a module whose tensors do not show one. */
  readonly rank: number | undefined;
  readonly rankPatterns: Patterns;
  /** The scale is alpha/√rank (Kalajdzievski 2023). */
  readonly isRankStabilized: boolean;
}

export const adapterConfigName = 'adapter_config.json';

/** Others have tensors of the same names and another meaning (AdaLoRA), or of other names. */
const readTypes: readonly string[] = ['LORA', 'LOHA', 'LOKR'];

const badConfig = (where: string, why: string, cause?: unknown): Error =>
  badInput(
    'LORA_BAD_CONFIG',
    `${where}: ${why}`,
    'The file is damaged, or of a kind that is not known.',
    cause,
  );

/** More than this many open ends in a pattern can take for ever to compare. */
const mostOpenEnds = 3;

/** PEFT compares a pattern with the end of a layer's path, `re.match(rf"(.*\.)?({pattern})$", path)`. */
function toPattern(text: string, where: string): RegExp {
  const isSlow = (text.match(/[*+{]/g) ?? []).length > mostOpenEnds || /\)[*+{]/.test(text);
  try {
    if (!isSlow) return new RegExp(`^(?:.*\\.)?(?:${text})$`);
  } catch (cause) {
    throw badConfig(where, `${JSON.stringify(text)} is no pattern`, cause);
  }
  throw badConfig(where, `the pattern ${JSON.stringify(text)} is too open`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badConfig(where, 'this is not valid JSON', cause);
  }
}

function toConfig(json: unknown, where: string): AdapterConfig {
  const result = schema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw badConfig(where, [...issue.path, issue.message].join(': '));
  }
  const { peft_type, r, lora_alpha, alpha, rank_pattern, alpha_pattern, use_rslora } = result.data;
  const toPatterns = (given: Record<string, number> | null | undefined): Patterns =>
    Object.entries(given ?? {}).map(([text, value]) => [toPattern(text, where), value]);
  const type = peft_type?.toUpperCase() ?? 'LORA';
  if (!readTypes.includes(type)) {
    const hint = 'Read are LoRA, with rsLoRA and DoRA, LoHa and LoKr.';
    throw badInput('LORA_OTHER_TUNER', `${where}: ${peft_type} of PEFT is not supported`, hint);
  }
  return {
    alpha: lora_alpha ?? alpha ?? undefined,
    alphaPatterns: toPatterns(alpha_pattern),
    rank: r ?? undefined,
    rankPatterns: toPatterns(rank_pattern),
    isRankStabilized: use_rslora === true,
  };
}

/** Reads a folder's `adapter_config.json`. */
export function readAdapterConfig(path: string): AdapterConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw badConfig(path, 'cannot be read', cause);
  }
  return toConfig(parseJson(text, path), path);
}

const headerKey = 'lora_adapter_metadata';

/** The configs in the header of a Diffusers file, by part; under '' where the keys have no part in front. */
export function headerConfigs(
  metadata: Readonly<Record<string, string>>,
  path: string,
): ReadonlyMap<string, AdapterConfig> {
  if (!Object.hasOwn(metadata, headerKey)) return new Map();
  const where = `${path}: ${headerKey}`;
  const json = z.record(z.string(), z.unknown()).safeParse(parseJson(metadata[headerKey], where));
  if (!json.success) throw badConfig(where, 'this is no object');
  const byPart = new Map<string, Record<string, unknown>>();
  for (const [key, value] of Object.entries(json.data)) {
    const [, part = '', field] = /^(?:(unet|text_encoder|text_encoder_2)\.)?(.*)$/s.exec(key) ?? [];
    byPart.set(part, { ...byPart.get(part), [field]: value });
  }
  return new Map([...byPart].map(([part, fields]) => [part, toConfig(fields, where)]));
}

const patternValue = (patterns: Patterns, paths: readonly string[]): number | undefined =>
  patterns.find(([pattern]) => paths.some(path => pattern.test(path)))?.[1];

/**
 * The alpha that a config gives a layer, as one that is divided by the rank; `paths` are its names inside the part: ours
 * and that of the file, which patterns are written for.
 */
export function configuredAlpha(
  config: AdapterConfig,
  paths: readonly string[],
  rank: number,
): number | undefined {
  const alpha = patternValue(config.alphaPatterns, paths) ?? config.alpha;
  return alpha !== undefined && config.isRankStabilized ? alpha * Math.sqrt(rank) : alpha;
}

/** alpha/rank by the config alone, for LoKr of two whole matrices: PEFT scales it too, LyCORIS does not. */
export function configuredScale(config: AdapterConfig, paths: readonly string[]): number {
  const alpha = patternValue(config.alphaPatterns, paths) ?? config.alpha;
  const rank = patternValue(config.rankPatterns, paths) ?? config.rank;
  return alpha && rank ? alpha / rank : 1;
}
