/** @file The change of a layer as up·down of a rank that a rule gives, from the change itself or from its factors. */
import {
  type PartialSvd,
  type RandomizedOptions,
  randomizedSvd,
  svdOfProduct,
  type Tensor,
} from '../../engine/index.ts';
import { type Factors, truncatedFactors } from '../kinds/low-rank-factors.ts';
import { chooseRank, largestRank, type RankRule, tellsRank, wholeEnergy } from './rank-rule.ts';

export interface Truncated {
  readonly factors: Factors;
  readonly rank: number;
  /** ‖kept‖² / ‖all‖²; 1 for a change of zero. */
  readonly kept: number;
  /** ‖all‖² */
  readonly energy: number;
}

const keptShare = (values: Float64Array, rank: number, energy: number): number =>
  energy === 0 ? 1 : Math.min(1, wholeEnergy(values.subarray(0, rank)) / energy);

/** Up·down of another rank: exactly what is nearest to it, whatever the factors (Eckart & Young 1936). */
export function truncateProduct({ up, down }: Factors, rule: RankRule, isKernel: boolean): Truncated {
  const found = svdOfProduct(up, down);
  const energy = wholeEnergy(found.values);
  const rank = chooseRank({ values: found.values, energy }, rule, isKernel);
  return {
    factors: truncatedFactors(found, rank),
    rank,
    kept: keptShare(found.values, rank, energy),
    energy,
  };
}

const firstGuess = 8;

/** Singular values and vectors until they tell the rank, twice as many each time. */
async function enoughFor(
  change: Tensor,
  rule: RankRule,
  isKernel: boolean,
  options: RandomizedOptions,
): Promise<PartialSvd> {
  const most = Math.min(...change.shape);
  const limit = Math.min(most, largestRank(rule, isKernel));
  // The sum of all singular values is not known before all of them are.
  const end = rule.by === 'sv-cumulative' ? most : limit;
  for (let rank = rule.by === 'rank' ? limit : Math.min(firstGuess, end); ; rank = Math.min(2 * rank, end)) {
    const found = await randomizedSvd(change, rank, options);
    if (rank === end || tellsRank(found, rule)) return found;
  }
}

/** A change [out, in·k·k] as up·down. */
export async function truncateChange(
  change: Tensor,
  rule: RankRule,
  isKernel: boolean,
  options: RandomizedOptions,
): Promise<Truncated> {
  const found = await enoughFor(change, rule, isKernel, options);
  const rank = chooseRank(found, rule, isKernel);
  const { values, energy } = found;
  return { factors: truncatedFactors(found, rank), rank, kept: keptShare(values, rank, energy), energy };
}
