/** @file From a network that predicts noise or velocity to one that predicts the clean latent. */
import type { Tensor } from '../engine/index.ts';
import { type NoiseSchedule, sigmaToTimestep } from './noise-schedule.ts';

/** x at noise level sigma (variance-exploding: x = x₀ + σ·noise) → predicted x₀. */
export type Denoise = (x: Tensor, sigma: number) => Promise<Tensor>;

/** The network with guidance: scaled input and timestep → its prediction. `x` and `sigma` are what they were made of. */
export type Predict = (
  input: Tensor,
  timestep: number,
  of: { readonly x: Tensor; readonly sigma: number },
) => Promise<Float32Array>;

/**
 * Which timestep the network is asked at: the one between two that the sigma is at (k-diffusion), or a whole one, the
 * nearest (ComfyUI) or the one below (diffusers, where its solvers place them so).
 */
export type TimestepRule = 'between' | 'nearest' | 'below';

const timestepBy: Readonly<Record<TimestepRule, (timestep: number) => number>> = {
  between: timestep => timestep,
  nearest: Math.round,
  below: timestep => Math.floor(timestep + 1e-3), // a sigma of a whole timestep stays there
};

export interface DenoiserOptions {
  readonly schedule: NoiseSchedule;
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly timesteps: TimestepRule;
}

/** Karras et al. 2022, table 1: c_in = 1/√(σ²+1); x₀ = x − σ·ε, or x/(σ²+1) − v·σ/√(σ²+1). */
export function makeDenoiser(
  predict: Predict,
  { schedule, predictionType, timesteps }: DenoiserOptions,
): Denoise {
  const whole = timestepBy[timesteps];
  return async (x, sigma) => {
    const cIn = 1 / Math.sqrt(sigma * sigma + 1);
    const input = { shape: x.shape, data: x.data.map(value => value * cIn) };
    const prediction = await predict(input, whole(sigmaToTimestep(schedule, sigma)), { x, sigma });
    const [cSkip, cOut] = predictionType === 'epsilon' ? [1, -sigma] : [cIn * cIn, -sigma * cIn];
    const data = new Float32Array(x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = cSkip * x.data[i] + cOut * prediction[i];
    return { shape: x.shape, data };
  };
}
