/** @file Gradient descent with Nesterov's momentum (Sutskever et al. 2013), as torch writes it; weight decay is in the gradient. */
import type { Optimizer } from './optimizer.ts';
import type { OptionsOf } from './options.ts';
import { floatsOf, sameShape, separately } from './slots.ts';

export function openSgdNesterov({ momentum }: OptionsOf<'sgd-nesterov'>, weightDecay: number): Optimizer {
  return separately('sgd-nesterov', sameShape('first'), ({ name, parameter, gradient, rate }, state) => {
    const velocity = floatsOf(state, name, 'first');
    for (let i = 0; i < parameter.length; i++) {
      const p = parameter[i];
      const g = gradient[i] + p * weightDecay;
      const v = velocity[i] * momentum + g;
      velocity[i] = v;
      parameter[i] = p - rate * (g + momentum * v);
    }
  });
}
