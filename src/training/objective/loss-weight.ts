/**
 * @file How much the loss of a sample counts by its timestep. The options multiply, in the order of sd-scripts
 * (train_network.py, post_process_loss; library/custom_train_functions.py).
 */
import type { Recipe } from '../recipe/recipe.ts';

export type PredictionType = NonNullable<Recipe['predictionType']>;

export type WeightOptions = Pick<
  Recipe,
  'minSnrGamma' | 'softMinSnrGamma' | 'debiased' | 'scaleVLoss' | 'vLikeLoss'
>;

/** At timestep 0 the ratio is far above what is trained for; kept at most this large where it is not cut already. */
const largestSnr = 1000;

const snrOf = (alphaBar: number): number => alphaBar / (1 - alphaBar);

/** min(SNR, γ)/SNR for epsilon, min(SNR, γ)/(SNR + 1) for velocity (Hang et al. 2023); 1 when γ is 0. */
export function snrWeight(alphaBar: number, gamma: number, predictionType: PredictionType): number {
  if (gamma === 0) return 1;
  const snr = snrOf(alphaBar);
  return Math.min(snr, gamma) / (predictionType === 'epsilon' ? snr : snr + 1);
}

/** The same without its corner: SNR·γ/(SNR + γ) stands for the minimum (Crowson et al. 2024). */
export function softSnrWeight(alphaBar: number, gamma: number, predictionType: PredictionType): number {
  const snr = snrOf(alphaBar);
  return predictionType === 'epsilon' ? gamma / (snr + gamma) : (snr * gamma) / (snr + gamma) / (snr + 1);
}

/** What a loss of velocity is times to be as large as one of the noise: SNR/(SNR + 1). */
function velocityScale(alphaBar: number): number {
  const snr = Math.min(snrOf(alphaBar), largestSnr);
  return snr / (snr + 1);
}

/** Debiased estimation (Yu et al. 2024): 1/√SNR for epsilon, 1/(SNR + 1) for velocity. */
function debiasedWeight(alphaBar: number, predictionType: PredictionType): number {
  const snr = Math.min(snrOf(alphaBar), largestSnr);
  return predictionType === 'epsilon' ? 1 / Math.sqrt(snr) : 1 / (snr + 1);
}

/** Everything that a recipe weighs a timestep by. */
export function lossWeight(
  alphaBar: number,
  predictionType: PredictionType,
  { minSnrGamma, softMinSnrGamma, debiased, scaleVLoss, vLikeLoss }: WeightOptions,
): number {
  let weight =
    softMinSnrGamma > 0
      ? softSnrWeight(alphaBar, softMinSnrGamma, predictionType)
      : snrWeight(alphaBar, minSnrGamma, predictionType);
  if (scaleVLoss) weight *= velocityScale(alphaBar);
  if (vLikeLoss > 0) weight *= 1 + vLikeLoss / velocityScale(alphaBar);
  if (debiased) weight *= debiasedWeight(alphaBar, predictionType);
  return weight;
}
