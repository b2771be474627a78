/**
 * @file AdamW with moments of 8 bits (Dettmers et al. 2022), as bitsandbytes' AdamW8bit: blocks of 256, dynamic values,
 * and 32 bits for parameters of less than 4096 numbers.
 */
import { elementCount, type Shape } from '../../engine/index.ts';
import { adamWUpdate } from './adamw.ts';
import { blockCount, blockSize, encodeBlock, signedCodes, unsignedCodes } from './block-codes.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { codesOf, floatsOf, type OneParameter, type Slot, separately } from './slots.ts';

/** Numbers below which a parameter keeps its moments whole. */
const smallest8bit = 4096;

function slotsOf(shape: Shape): readonly Slot[] {
  const count = elementCount(shape);
  if (count < smallest8bit) return ['first', 'second'].map(slot => ({ slot, shape }));
  const scales = [blockCount(count)];
  return [
    { slot: 'first', shape, isCode: true },
    { slot: 'second', shape, isCode: true },
    { slot: 'firstScale', shape: scales },
    { slot: 'secondScale', shape: scales },
  ];
}

const firstBlock = new Float32Array(blockSize);
const secondBlock = new Float32Array(blockSize);
const { fround } = Math;

/**
 * Each operation is rounded to float32, with torch's order and its fused products: a moment that lies between two codes
 * would otherwise now and then become the other one, and the walk another.
 */
function updateCoded(
  { name, parameter, gradient, rate }: OneParameter,
  state: OptimizerState,
  step: number,
  options: OptionsOf<'adamw8bit'>,
  weightDecay: number,
): void {
  const [first, second] = [codesOf(state, name, 'first'), codesOf(state, name, 'second')];
  const firstScale = floatsOf(state, name, 'firstScale');
  const secondScale = floatsOf(state, name, 'secondScale');
  const [keep1, keep2] = [fround(options.beta1), fround(options.beta2)];
  const [take1, take2] = [fround(1 - options.beta1), fround(1 - options.beta2)];
  const rootCorrection2 = fround(Math.sqrt(1 - options.beta2 ** step));
  const stepSize = fround(-rate / (1 - options.beta1 ** step));
  const decay = fround(1 - rate * weightDecay);
  const epsilon = fround(options.epsilon);
  const firstValues = signedCodes.values;
  const secondValues = unsignedCodes.values;
  for (let start = 0, block = 0; start < parameter.length; start += blockSize, block++) {
    const count = Math.min(blockSize, parameter.length - start);
    const scale1 = firstScale[block];
    const scale2 = secondScale[block];
    for (let i = 0; i < count; i++) {
      const at = start + i;
      const g = gradient[at];
      const m = fround(fround(fround(firstValues[first[at]] * scale1) * keep1) + g * take1);
      const v = fround(fround(fround(secondValues[second[at]] * scale2) * keep2) + fround(take2 * g) * g);
      const divisor = fround(fround(fround(Math.sqrt(v)) / rootCorrection2) + epsilon);
      firstBlock[i] = m;
      secondBlock[i] = v;
      parameter[at] = fround(parameter[at] * decay) + fround(fround(stepSize * m) / divisor);
    }
    firstScale[block] = encodeBlock(firstBlock, count, signedCodes, first, start);
    secondScale[block] = encodeBlock(secondBlock, count, unsignedCodes, second, start);
  }
}

export function openAdamW8bit(options: OptionsOf<'adamw8bit'>, weightDecay: number): Optimizer {
  const all = { ...options, weightDecay };
  return separately('adamw8bit', slotsOf, (one, state, step) => {
    if (one.parameter.length >= smallest8bit) {
      updateCoded(one, state, step, options, weightDecay);
      return;
    }
    const moments = {
      first: floatsOf(state, one.name, 'first'),
      second: floatsOf(state, one.name, 'second'),
    };
    adamWUpdate(one.parameter, one.gradient, moments, one.rate, step, all);
  });
}
