/**
 * @file D-Adaptation for Adam (Defazio & Mishchenko 2023, algorithm 5, as the authors' package has it): the step size
 * is the rate times d, an estimate of the distance from the start to the solution that only grows. Where parameters
 * have different rates, their shares are the package's `layer_scale`.
 */
import { biasCorrection, largestRate } from './adaptive-rate.ts';
import type { Optimizer, OptimizerState, UpdateInput } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, newState, numberOf, type OneParameter, sameShape, slotBytes, trained } from './slots.ts';

type Options = OptionsOf<'dadapt-adamw'>;

/** `weighted` is s of the paper: the running average of d × gradient. */
const slotsOf = sameShape('first', 'second', 'weighted');

interface Sizes {
  /** d × rate. */
  readonly size: number;
  /** Of the parameter's rate in the largest one. */
  readonly share: number;
  /** Weight decay in the gradient. */
  readonly coupled: number;
}

/** ⟨g, s/√v⟩ before, and ‖s‖₁ after the moments and s took the gradient. */
function updateMoments(
  { name, parameter, gradient }: OneParameter,
  state: OptimizerState,
  { size, share, coupled }: Sizes,
  { beta1, beta2, epsilon }: Options,
): { dot: number; norm: number } {
  const [first, second, weighted] = ['first', 'second', 'weighted'].map(slot => floatsOf(state, name, slot));
  const beta3 = Math.sqrt(beta2);
  const firstGain = share * size * (1 - beta1);
  const weightedGain = size * (1 - beta3);
  let dot = 0;
  let norm = 0;
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i] + parameter[i] * coupled;
    const v = second[i];
    const s = weighted[i];
    const next = s * beta3 + g * weightedGain;
    dot += (g * s) / (Math.sqrt(v) + epsilon);
    norm += Math.abs(next);
    first[i] = first[i] * beta1 + g * firstGain;
    second[i] = v * beta2 + g * g * (1 - beta2);
    weighted[i] = next;
  }
  return { dot, norm };
}

function moveOne(
  { name, parameter }: OneParameter,
  state: OptimizerState,
  decay: number,
  epsilon: number,
): void {
  const first = floatsOf(state, name, 'first');
  const second = floatsOf(state, name, 'second');
  for (let i = 0; i < parameter.length; i++) {
    parameter[i] = parameter[i] * decay - first[i] / (Math.sqrt(second[i]) + epsilon);
  }
}

function update(input: UpdateInput, options: Options, weightDecay: number): void {
  const { state, step } = input;
  const { decouple, growthRate } = options;
  const coupled = decouple ? 0 : weightDecay;
  const beta3 = Math.sqrt(options.beta2);
  const d = numberOf(state, 'd');
  const rate = largestRate(input);
  const size = d * rate * biasCorrection(options, step);
  let sum = 0;
  let total = 0;
  for (const one of trained(input)) {
    if (one.rate === 0) continue;
    const share = one.rate / rate;
    const { dot, norm } = updateMoments(one, state, { size, share, coupled }, options);
    sum += share * size * dot;
    total += share * norm;
  }
  // Nothing has a gradient yet.
  if (total === 0) return;
  const numerator = beta3 * numberOf(state, 'numerator') + (1 - beta3) * sum;
  const estimate = numerator / ((1 - beta3) * total);
  const limit = d * (growthRate ?? Number.POSITIVE_INFINITY);
  state.numbers.set('d', Math.max(d, Math.min(estimate, limit))).set('numerator', numerator);
  for (const one of trained(input)) {
    if (one.rate > 0) moveOne(one, state, decouple ? 1 - weightDecay * size : 1, options.epsilon);
  }
}

export function openDAdaptAdamW(options: Options, weightDecay: number): Optimizer {
  return {
    name: 'dadapt-adamw',
    start(parameters) {
      const state = newState(parameters, slotsOf);
      state.numbers.set('d', options.d0).set('numerator', 0);
      return state;
    },
    update: input => update(input, options, weightDecay),
    stateBytes: shape => slotBytes(slotsOf, shape),
  };
}
