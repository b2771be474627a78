/**
 * @file AdamW without a schedule (Defazio et al. 2024, "The road less scheduled", algorithm 1): what is trained is y,
 * between the newest weights z and their average x; x is what is validated and written.
 */
import type { Tensor } from '../../engine/index.ts';
import type { Optimizer, OptimizerState, UpdateInput } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, newState, numberOf, sameShape, slotBytes, trained } from './slots.ts';

/** `newest` is z, `second` the second moment. */
const slotsOf = sameShape('newest', 'second');

/** How much of x the new z is: c of the paper. Parameters' rates differ by constant factors, which cancel in it. */
function newShare(
  { state, parameters, rateOf, step }: UpdateInput,
  options: OptionsOf<'schedulefree-adamw'>,
): number {
  let rateMax = numberOf(state, 'rateMax');
  for (const name of parameters.keys()) rateMax = Math.max(rateMax, rateOf(name));
  const weight = step ** options.r * rateMax ** options.weightRatePower;
  const weightSum = numberOf(state, 'weightSum') + weight;
  state.numbers.set('rateMax', rateMax);
  state.numbers.set('weightSum', weightSum);
  return weightSum === 0 ? 0 : weight / weightSum;
}

export function openScheduleFreeAdamW(
  options: OptionsOf<'schedulefree-adamw'>,
  weightDecay: number,
): Optimizer {
  const { beta1, beta2, epsilon } = options;
  return {
    name: 'schedulefree-adamw',
    start(parameters) {
      const state = newState(parameters, slotsOf);
      for (const [name, { data }] of parameters) floatsOf(state, name, 'newest').set(data);
      state.numbers.set('rateMax', 0).set('weightSum', 0);
      return state;
    },
    update(input) {
      const share = newShare(input, options);
      const rootCorrection2 = Math.sqrt(1 - beta2 ** input.step);
      for (const { name, parameter, gradient, rate } of trained(input)) {
        const newest = floatsOf(input.state, name, 'newest');
        const second = floatsOf(input.state, name, 'second');
        const pull = rate * (beta1 * (1 - share) - 1);
        for (let i = 0; i < parameter.length; i++) {
          const g = gradient[i];
          const y = parameter[i];
          const z = newest[i];
          const v = second[i] * beta2 + g * g * (1 - beta2);
          const direction = g / (Math.sqrt(v) / rootCorrection2 + epsilon) + y * weightDecay;
          second[i] = v;
          parameter[i] = y + (z - y) * share + direction * pull;
          newest[i] = z - rate * direction;
        }
      }
    },
    evaluated: (parameters, state) =>
      new Map([...parameters].map(([name, tensor]) => [name, averaged(tensor, name, state, beta1)])),
    stateBytes: shape => slotBytes(slotsOf, shape),
  };
}

/** x, of y = β₁·x + (1 − β₁)·z. */
function averaged({ shape, data }: Tensor, name: string, state: OptimizerState, beta1: number): Tensor {
  const newest = floatsOf(state, name, 'newest');
  const share = 1 - 1 / beta1;
  const average = new Float32Array(data.length);
  for (let i = 0; i < average.length; i++) average[i] = data[i] + (newest[i] - data[i]) * share;
  return { shape, data: average };
}
