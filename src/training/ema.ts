/** @file Exponential moving average of what is trained (Polyak & Juditsky 1992), as diffusers' EMAModel. */
import type { Tensor } from '../engine/index.ts';

export interface Averaging {
  /** How much of the average stays in a step; 0 = no average is kept. */
  readonly emaDecay: number;
  /** Early steps count more: the average keeps at most (1 + n)/(10 + n) after n updates. */
  readonly emaWarmup: boolean;
}

/** How much of the average stays in step `step` (counted from 1); the first one is taken whole. */
export function emaDecayAt({ emaDecay, emaWarmup }: Averaging, step: number): number {
  const updates = step - 1;
  if (updates <= 0) return 0;
  return emaWarmup ? Math.min(emaDecay, (1 + updates) / (10 + updates)) : emaDecay;
}

/** The average before the first step: the parameters themselves, copied. */
export function startEma(parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map([...parameters].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
}

/** Moves the average towards the parameters, in place; `decay` is `emaDecayAt` of the step. */
export function updateEma(
  average: ReadonlyMap<string, Tensor>,
  parameters: ReadonlyMap<string, Tensor>,
  decay: number,
): void {
  for (const [name, { data: mean }] of average) {
    const data = parameters.get(name)?.data;
    if (!data) throw new Error(`no parameter ${name}`);
    for (let i = 0; i < mean.length; i++) mean[i] -= (1 - decay) * (mean[i] - data[i]);
  }
}
