/** @file From a network that predicts noise or velocity to one that predicts the clean latent, with guidance. */
import type { Tensor } from '../engine/index.ts';
import { type NoiseSchedule, sigmaToTimestep } from './noise-schedule.ts';

/** x at noise level sigma (variance-exploding: x = x₀ + σ·noise) → predicted x₀. */
export type Denoise = (x: Tensor, sigma: number) => Promise<Tensor>;

/** The network: scaled input and timestep → predictions with and without the prompt. */
export type Predict = (
  input: Tensor,
  timestep: number,
) => Promise<{ conditional: Tensor; unconditional: Tensor | undefined }>;

export interface DenoiserOptions {
  readonly schedule: NoiseSchedule;
  readonly predictionType: 'epsilon' | 'v_prediction';
  /** Classifier-free guidance scale (Ho & Salimans 2022); unused without an unconditional prediction. */
  readonly guidance: number;
}

/** Karras et al. 2022, table 1: c_in = 1/√(σ²+1); x₀ = x − σ·ε, or x/(σ²+1) − v·σ/√(σ²+1). */
export function makeDenoiser(
  predict: Predict,
  { schedule, predictionType, guidance }: DenoiserOptions,
): Denoise {
  return async (x, sigma) => {
    const cIn = 1 / Math.sqrt(sigma * sigma + 1);
    const input = { shape: x.shape, data: x.data.map(value => value * cIn) };
    const { conditional, unconditional } = await predict(input, sigmaToTimestep(schedule, sigma));
    const [cSkip, cOut] = predictionType === 'epsilon' ? [1, -sigma] : [cIn * cIn, -sigma * cIn];
    const data = new Float32Array(x.data.length);
    const [c, u] = [conditional.data, unconditional?.data];
    for (let i = 0; i < data.length; i++) {
      const prediction = u ? u[i] + guidance * (c[i] - u[i]) : c[i];
      data[i] = cSkip * x.data[i] + cOut * prediction;
    }
    return { shape: x.shape, data };
  };
}
