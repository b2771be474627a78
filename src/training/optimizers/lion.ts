/** @file Lion (Chen et al. 2023, algorithm 2): steps of one size, in the direction of the sign of a momentum. */
import type { Optimizer } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, sameShape, separately } from './slots.ts';

export function openLion({ beta1, beta2 }: OptionsOf<'lion'>, weightDecay: number): Optimizer {
  return separately('lion', sameShape('first'), ({ name, parameter, gradient, rate }, state) => {
    const first = floatsOf(state, name, 'first');
    const decay = 1 - rate * weightDecay;
    for (let i = 0; i < parameter.length; i++) {
      const g = gradient[i];
      const m = first[i];
      const direction = m * beta1 + g * (1 - beta1);
      const move = direction > 0 ? rate : direction < 0 ? -rate : 0;
      parameter[i] = parameter[i] * decay - move;
      first[i] = m * beta2 + g * (1 - beta2);
    }
  });
}
