/** @file What usually goes with each optimizer, and why: data for the recipe's defaults and cross-checks. */
import type { OptimizerChoice } from './optimizer.ts';
import { type OptimizerName, optimizerOptionsOf } from './options.ts';

export interface OptimizerAdvice {
  /** Learning rates that are usual for LoRA; outside of them something is probably wrong. */
  readonly rates: { readonly from: number; readonly to: number };
  /** The rate where none is given: this one, or that of AdamW times this. */
  readonly usualRate: { readonly rate: number } | { readonly timesAdamW: number };
  /** Why these rates: a sentence that ends a message. */
  readonly reason: string;
  /** Weight decay where none is given; the recipe's own unless said. */
  readonly weightDecay?: { readonly value: number; readonly reason: string };
  /** It takes the part of a schedule: only `constant`, with or without warm-up, goes with it. */
  readonly constantOnly?: string;
  /** Options that go with a schedule's warm-up. */
  readonly warmupOption?: { readonly option: string; readonly value: boolean; readonly reason: string };
}

const ratioRates = {
  rates: { from: 0.1, to: 2 },
  usualRate: { rate: 1 },
  reason: 'it finds the step size itself, and the rate is only a factor of what it finds',
} as const;

const adamRates = {
  rates: { from: 1e-5, to: 5e-3 },
  usualRate: { timesAdamW: 1 },
  reason: 'each step moves a number by about the rate, whatever its gradient is',
} as const;

export const optimizerAdvice: Readonly<Record<OptimizerName, OptimizerAdvice>> = {
  adamw: adamRates,
  adamw8bit: adamRates,
  lion: {
    rates: { from: 1e-6, to: 1e-3 },
    usualRate: { timesAdamW: 0.2 },
    reason:
      'each of its steps has full size, so it wants a rate 3 to 10 times smaller than AdamW (Chen et al. 2023)',
    weightDecay: {
      value: 0.05,
      reason: 'decay is rate × weight decay, so it is as many times larger as the rate is smaller',
    },
  },
  adafactor: {
    ...adamRates,
    reason:
      'with relativeStep false, each step moves a number by about the rate, or by rate × size with scaleParameter',
  },
  prodigy: {
    ...ratioRates,
    warmupOption: {
      option: 'safeguardWarmup',
      value: true,
      reason: 'the small rates of a warm-up would make its estimate too large',
    },
  },
  'dadapt-adamw': ratioRates,
  'schedulefree-adamw': {
    rates: { from: 1e-5, to: 2e-2 },
    usualRate: { timesAdamW: 2 },
    reason:
      'averaging makes up for larger steps, so it takes 1 to 10 times the rate of AdamW (Defazio et al. 2024)',
    constantOnly: 'its average of all weights takes the part of a falling rate',
  },
  came: {
    rates: { from: 1e-6, to: 1e-3 },
    usualRate: { timesAdamW: 0.2 },
    reason:
      'what it divides by starts at 0 and takes ten thousand steps to grow, so in the run of a LoRA its steps are several times the rate',
  },
  'sgd-nesterov': {
    rates: { from: 1e-3, to: 10 },
    usualRate: { rate: 1 },
    reason: 'its steps are as small as the gradients, which are 1e-5 and smaller for LoRA',
  },
};

/** Whether the recipe's learning rates mean anything to it: with Adafactor's relative step they do not. */
export function usesRate({ optimizer, optimizerOptions }: Omit<OptimizerChoice, 'weightDecay'>): boolean {
  return optimizer !== 'adafactor' || !optimizerOptionsOf(optimizer, optimizerOptions).relativeStep;
}
