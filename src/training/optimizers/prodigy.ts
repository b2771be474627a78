/**
 * @file Prodigy (Mishchenko & Defazio 2023, algorithm 4): Adam whose step size is the rate times d, an estimate of the
 * distance from the start to the solution. Where parameters have different rates, a slower one counts less in the
 * estimate, as `layer_scale` does in D-Adaptation.
 */
import { elementCount, type Shape } from '../../engine/index.ts';
import { biasCorrection, largestRate } from './adaptive-rate.ts';
import type { Optimizer, OptimizerState, UpdateInput } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, newState, numberOf, type OneParameter, type Slot, slotBytes, trained } from './slots.ts';

type Options = OptionsOf<'prodigy'>;

/** `start` and `weighted` (p₀ and s of the paper) hold every `sliceP`-th number. */
const slotsFor =
  (sliceP: number) =>
  (shape: Shape): readonly Slot[] => {
    const sliced = [Math.ceil(elementCount(shape) / sliceP)];
    return [
      { slot: 'first', shape },
      { slot: 'second', shape },
      { slot: 'start', shape: sliced },
      { slot: 'weighted', shape: sliced },
    ];
  };

/** Moments of the gradient times d. */
function updateMoments(
  one: OneParameter,
  state: OptimizerState,
  d: number,
  coupled: number,
  options: Options,
): void {
  const { beta1, beta2 } = options;
  const { name, parameter, gradient } = one;
  const first = floatsOf(state, name, 'first');
  const second = floatsOf(state, name, 'second');
  const firstGain = d * (1 - beta1);
  const secondGain = d * d * (1 - beta2);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i] + parameter[i] * coupled;
    first[i] = first[i] * beta1 + g * firstGain;
    second[i] = second[i] * beta2 + g * g * secondGain;
  }
}

/** ⟨g, p₀ − p⟩, and ‖s‖₁ after `gain`·g was added to s. */
function updateDistance(
  one: OneParameter,
  state: OptimizerState,
  gain: number,
  beta3: number,
  coupled: number,
  sliceP: number,
): { dot: number; norm: number } {
  const { name, parameter, gradient } = one;
  const start = floatsOf(state, name, 'start');
  const weighted = floatsOf(state, name, 'weighted');
  let dot = 0;
  let norm = 0;
  for (let k = 0, i = 0; k < weighted.length; k++, i += sliceP) {
    const p = parameter[i];
    const g = gradient[i] + p * coupled;
    const s = weighted[k] * beta3 + g * gain;
    dot += g * (start[k] - p);
    norm += Math.abs(s);
    weighted[k] = s;
  }
  return { dot, norm };
}

/** d of the next step, from the two sums of the estimate; the state's numbers follow. */
function updateEstimate(
  state: OptimizerState,
  numerator: number,
  denominator: number,
  options: Options,
): number {
  const { d0, dCoef, growthRate } = options;
  const estimate = (dCoef * numerator) / denominator;
  let d = numberOf(state, 'd');
  if (d === d0) d = Math.max(d, estimate);
  const dMax = Math.max(numberOf(state, 'dMax'), estimate);
  d = Math.min(dMax, d * (growthRate ?? Number.POSITIVE_INFINITY));
  state.numbers.set('d', d).set('dMax', dMax).set('numerator', numerator);
  return d;
}

function moveOne(
  one: OneParameter,
  state: OptimizerState,
  size: number,
  damping: number,
  decay: number,
): void {
  const { name, parameter } = one;
  const first = floatsOf(state, name, 'first');
  const second = floatsOf(state, name, 'second');
  for (let i = 0; i < parameter.length; i++) {
    parameter[i] = parameter[i] * decay - (size * first[i]) / (Math.sqrt(second[i]) + damping);
  }
}

function update(input: UpdateInput, options: Options, weightDecay: number): void {
  const { state, step } = input;
  const { d0, decouple, safeguardWarmup, sliceP } = options;
  const beta3 = options.beta3 ?? Math.sqrt(options.beta2);
  const coupled = decouple ? 0 : weightDecay;
  const d = numberOf(state, 'd');
  const rate = largestRate(input);
  const size = d * rate * biasCorrection(options, step);
  let numerator = numberOf(state, 'numerator') * beta3;
  let denominator = 0;
  for (const one of trained(input)) {
    if (one.rate === 0) continue;
    updateMoments(one, state, d, coupled, options);
    const gain = (d / d0) * (safeguardWarmup ? d : size);
    const { dot, norm } = updateDistance(one, state, gain, beta3, coupled, sliceP);
    numerator += (d / d0) * size * dot;
    denominator += norm * (one.rate / rate);
  }
  // Nothing has a gradient yet.
  if (denominator === 0) return;
  const next = updateEstimate(state, numerator, denominator, options);
  for (const one of trained(input)) {
    const own = size * (one.rate / rate);
    moveOne(one, state, own, next * options.epsilon, decouple ? 1 - weightDecay * own : 1);
  }
}

export function openProdigy(options: Options, weightDecay: number): Optimizer {
  const slotsOf = slotsFor(options.sliceP);
  return {
    name: 'prodigy',
    start(parameters) {
      const state = newState(parameters, slotsOf);
      for (const [name, { data }] of parameters) {
        const start = floatsOf(state, name, 'start');
        for (let k = 0; k < start.length; k++) start[k] = data[k * options.sliceP];
      }
      state.numbers.set('d', options.d0).set('dMax', options.d0).set('numerator', 0);
      return state;
    },
    update: input => update(input, options, weightDecay),
    stateBytes: shape => slotBytes(slotsOf, shape),
  };
}
