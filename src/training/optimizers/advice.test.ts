import { expect, test } from 'vitest';
import { bowlGradients, bowlParameters } from '../../../test/support/bowl.ts';
import { optimizerAdvice, usesRate } from './advice.ts';
import { openOptimizer } from './optimizer.ts';
import { type OptimizerOptions, optimizerNames, optimizerOptionsOf } from './options.ts';

test.each(optimizerNames)('the usual rate of %s is among those that are called usual', name => {
  const { rates, usualRate } = optimizerAdvice[name];
  // AdamW's usual rate for LoRA.
  const rate = 'rate' in usualRate ? usualRate.rate : usualRate.timesAdamW * 1e-4;
  expect(rate).toBeGreaterThanOrEqual(rates.from);
  expect(rate).toBeLessThanOrEqual(rates.to);
});

test.each(optimizerNames)('the option that goes with warm-up is one that %s has', name => {
  const option = optimizerAdvice[name].warmupOption;
  if (option) expect(() => optimizerOptionsOf(name, { [option.option]: option.value })).not.toThrow();
});

test.each([
  ...optimizerNames.map((name): [typeof name, OptimizerOptions] => [name, {}]),
  ['adafactor' as const, { relativeStep: true }],
])('whether %s %o uses the rate is what two rates show', (optimizer, optimizerOptions) => {
  const choice = { optimizer, optimizerOptions, weightDecay: 0 };
  const [slow, fast] = [1e-3, 1e-2].map(rate => {
    const parameters = bowlParameters();
    const opened = openOptimizer(choice);
    const state = opened.start(parameters);
    for (let step = 1; step <= 2; step++) {
      const gradients = bowlGradients(parameters, step);
      opened.update({ parameters, gradients, state, step, rateOf: () => rate });
    }
    return parameters.get('down')?.data;
  });
  if (usesRate(choice)) expect(slow).not.toEqual(fast);
  else expect(slow).toEqual(fast);
});
