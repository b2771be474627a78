/** @file How many singular values are kept: the rules of sd-scripts (networks/resize_lora.py), and ours by energy. */
import { usageError } from '../../errors.ts';

export type RankRuleName = 'rank' | 'sv-ratio' | 'sv-fro' | 'sv-cumulative' | 'keep';

export interface RankRule {
  readonly by: RankRuleName;
  readonly value: number;
  /** Upper limit where the rule finds the rank. */
  readonly maxRank?: number | undefined;
  /** Rank, or upper limit, of convolutions with a kernel larger than 1×1; as for other layers unless said. */
  readonly convRank?: number | undefined;
}

/** Below it, sd-scripts takes a matrix for zero (MIN_SV). */
const zeroBelow = 1e-6;

/** How many terms it takes until their sum is `wanted`; all where it never is. */
function countUntil(terms: Iterable<number>, wanted: number): number {
  let [sum, count] = [0, 0];
  for (const term of terms) {
    sum += term;
    count++;
    if (sum >= wanted) break;
  }
  return count;
}

const squares = (values: Float64Array): Float64Array => values.map(x => x * x);
const total = (values: Float64Array): number => values.reduce((sum, x) => sum + x, 0);

/** What a matrix is known by: its first singular values, and the sum of the squares of all. */
export interface Spectrum {
  /** Largest first. */
  readonly values: Float64Array;
  readonly energy: number;
}

/** A share of the energy that float32 does not tell from all of it. */
const whole = 1 - 1e-10;

interface RuleRow {
  readonly rankOf: (spectrum: Spectrum, value: number) => number;
  /** Whether the first singular values tell what all of them would. */
  readonly isEnough: (spectrum: Spectrum, value: number) => boolean;
  readonly isValid: (value: number) => boolean;
  readonly takes: string;
}

const share = { isValid: (x: number) => x > 0 && x <= 1, takes: 'a number above 0, up to 1' };
const holds = ({ values, energy }: Spectrum, part: number): boolean =>
  total(squares(values)) >= Math.min(part, whole) * energy;

const rules: Readonly<Record<RankRuleName, RuleRow>> = {
  rank: {
    rankOf: (_, rank) => rank,
    isEnough: ({ values }, rank) => values.length >= rank,
    isValid: x => Number.isInteger(x) && x > 0,
    takes: 'a whole number from 1 on',
  },
  /** Those that are larger than the largest divided by `value`. */
  'sv-ratio': {
    rankOf: ({ values }, ratio) => values.filter(x => x > values[0] / ratio).length,
    isEnough: ({ values, energy }, ratio) =>
      values[values.length - 1] <= values[0] / ratio || holds({ values, energy }, whole),
    isValid: x => x > 0 && Number.isFinite(x),
    takes: 'a number above 0, usually from 2 on',
  },
  /** Until the Frobenius norm is `value` of the whole one. */
  'sv-fro': {
    rankOf: ({ values, energy }, part) => countUntil(squares(values), part ** 2 * energy),
    isEnough: (spectrum, part) => holds(spectrum, part ** 2),
    ...share,
  },
  /** Until their sum is `value` of the whole one. */
  'sv-cumulative': {
    rankOf: ({ values }, part) => countUntil(values, part * total(values)),
    isEnough: spectrum => holds(spectrum, whole),
    ...share,
  },
  /** Until the energy, the square of the norm, is `value` of the whole one. */
  keep: {
    rankOf: ({ values, energy }, part) => countUntil(squares(values), part * energy),
    isEnough: holds,
    ...share,
  },
};

const isCount = (x: number | undefined): boolean => x === undefined || (Number.isInteger(x) && x > 0);

/** Throws RANK_RULE for numbers that make no rule. */
export function checkRankRule({ by, value, maxRank, convRank }: RankRule): void {
  const { isValid, takes } = rules[by];
  if (!isValid(value)) throw usageError('RANK_RULE', `--${by} ${value}: it takes ${takes}`);
  const wrong = isCount(maxRank) ? (isCount(convRank) ? undefined : '--conv-rank') : '--max-rank';
  const given = wrong === '--max-rank' ? maxRank : convRank;
  if (wrong) throw usageError('RANK_RULE', `${wrong} ${given}: it takes a whole number from 1 on`);
}

/** The largest rank that the rule lets a layer have; Infinity where only its singular values limit it. */
export function largestRank({ by, value, maxRank, convRank }: RankRule, isKernel: boolean): number {
  const usual = by === 'rank' ? value : (maxRank ?? Number.POSITIVE_INFINITY);
  return isKernel ? (convRank ?? usual) : usual;
}

/** Whether the first singular values tell the rank by a rule. */
export function tellsRank(spectrum: Spectrum, rule: RankRule): boolean {
  return rules[rule.by].isEnough(spectrum, rule.value);
}

/** The energy of all, where all singular values are known. */
export const wholeEnergy = (values: Float64Array): number => total(squares(values));

/** The rank that a rule gives to a layer whose singular values are known as far as the rule needs them. */
export function chooseRank(spectrum: Spectrum, rule: RankRule, isKernel: boolean): number {
  const { values } = spectrum;
  if (!(values[0] > zeroBelow)) return 1;
  const wanted = rule.by === 'rank' ? values.length : rules[rule.by].rankOf(spectrum, rule.value);
  return Math.max(1, Math.min(wanted, values.length, largestRank(rule, isKernel)));
}
