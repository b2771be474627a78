/** @file The fields of a recipe that say what a sample asks of the UNet: noise, timesteps, loss and its weights. */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const timestep = z.number().int().min(0).max(1_000_000);

export const objectiveFields = {
  /** null = as the checkpoint says. */
  predictionType: z.enum(['epsilon', 'v_prediction']).nullable(),
  /** null = as the checkpoint says (Lin et al. 2024). */
  zeroTerminalSnr: z.boolean().nullable(),
  loss: z.enum(['l2', 'l1', 'huber', 'smooth_l1']),
  huberSchedule: z.enum(['constant', 'exponential', 'snr']),
  huberC: z.number().positive(),
  huberScale: z.number().positive(),
  /** Soft min-SNR γ (Crowson et al. 2024), in place of `minSnrGamma`; 0 = off. */
  softMinSnrGamma: z.number().nonnegative(),
  /** Debiased estimation (Yu et al. 2024). */
  debiased: z.boolean(),
  /** v prediction only: the loss as large as one of the noise. */
  scaleVLoss: z.boolean(),
  /** epsilon only: adds this much of the loss as velocity would weigh it; 0 = off. */
  vLikeLoss: z.number().nonnegative(),
  /** A random part of `noiseOffset` instead of all of it. */
  noiseOffsetRandom: z.boolean(),
  /** Times the size of the mean of each channel of the latent, added to `noiseOffset`. */
  adaptiveNoiseScale: z.number(),
  /** Largest number of levels of pyramid noise; 0 = off. */
  multiresIterations: z.number().int().nonnegative().max(20),
  multiresDiscount: share,
  /** Input perturbation (Ning et al. 2023); 0 = off. */
  inputPerturbation: z.number().nonnegative(),
  inputPerturbationRandom: z.boolean(),
  /** The first that is drawn. */
  minTimestep: timestep,
  /** Not drawn any more; null = as many as the schedule has. */
  maxTimestep: timestep.nullable(),
  timesteps: z.enum([
    'uniform',
    'sigmoid',
    'logit-normal',
    'heavy-tail',
    'cos-map',
    'inverted-parabola',
    'beta',
  ]),
  /**
   * What shapes the distribution, in OneTrainer's words: for `sigmoid` and `inverted-parabola` the middle (less 0.5) and the
   * steepness, for `logit-normal` the mean and the deviation (less 1), for `beta` β and α; `heavy-tail` has a weight only.
   */
  timestepBias: z.number(),
  timestepWeight: z.number(),
};

export type ObjectiveFields = z.infer<z.ZodObject<typeof objectiveFields>>;

export const objectiveDefaults: ObjectiveFields = {
  predictionType: null,
  zeroTerminalSnr: null,
  loss: 'l2',
  huberSchedule: 'snr',
  huberC: 0.1,
  huberScale: 1,
  softMinSnrGamma: 0,
  debiased: false,
  scaleVLoss: false,
  vLikeLoss: 0,
  noiseOffsetRandom: false,
  adaptiveNoiseScale: 0,
  multiresIterations: 0,
  multiresDiscount: 0.3,
  inputPerturbation: 0,
  inputPerturbationRandom: false,
  minTimestep: 0,
  maxTimestep: null,
  timesteps: 'uniform',
  timestepBias: 0,
  timestepWeight: 0,
};
