import { describe, expect, test } from 'vitest';
import { bowlGradients, bowlParameters } from '../../../test/support/bowl.ts';
import type { Tensor } from '../../engine/index.ts';
import { type Optimizer, type OptimizerState, openOptimizer } from './optimizer.ts';
import {
  type OptimizerName,
  type OptimizerOptions,
  optimizerNames,
  optimizerOptionsOf,
  packageDefaults,
} from './options.ts';

type Parameters = Map<string, Tensor>;

/** Options that change what is remembered. */
const variants: [OptimizerName, OptimizerOptions][] = [
  ...optimizerNames.map((name): [OptimizerName, OptimizerOptions] => [name, {}]),
  ['adafactor', { relativeStep: true, scaleParameter: true, warmupInit: true }],
  ['adafactor', { beta1: 0.9 }],
  ['prodigy', { sliceP: 3, growthRate: 1.5, safeguardWarmup: true, useBiasCorrection: false }],
];

const open = (optimizer: OptimizerName, optimizerOptions: OptimizerOptions): Optimizer =>
  openOptimizer({ optimizer, optimizerOptions, weightDecay: 0.01 });

function walk(
  optimizer: Optimizer,
  parameters: Parameters,
  state: OptimizerState,
  from: number,
  to: number,
): void {
  for (let step = from; step <= to; step++) {
    const gradients = bowlGradients(parameters, step);
    optimizer.update({ parameters, gradients, state, step, rateOf: name => (name === 'up' ? 0.03 : 0.01) });
  }
}

/** Numbers as JSON and tensors as raw bytes, and back. */
function savedAndLoaded({ tensors, numbers }: OptimizerState): OptimizerState {
  const json = JSON.parse(JSON.stringify([...numbers])) as [string, number][];
  const loaded: OptimizerState['tensors'] = new Map();
  for (const [name, { shape, data }] of tensors) {
    const bytes = Buffer.from(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    loaded.set(name, {
      shape,
      data: data instanceof Uint8Array ? new Uint8Array(copy) : new Float32Array(copy),
    });
  }
  return { tensors: loaded, numbers: new Map(json) };
}

const bytesOf = (tensors: ReadonlyMap<string, { data: Float32Array | Uint8Array }>): Map<string, string> =>
  new Map(
    [...tensors].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
  );

const copyOf = (parameters: Parameters): Parameters =>
  new Map([...parameters].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));

describe.each(variants)('%s %o', (name, options) => {
  test('a state that was saved and loaded goes on bit for bit, in another optimizer of the same recipe', () => {
    const whole = open(name, options);
    const parameters = bowlParameters();
    const state = whole.start(parameters);
    walk(whole, parameters, state, 1, 11);
    const resumed = copyOf(parameters);
    const loaded = savedAndLoaded(state);
    walk(whole, parameters, state, 12, 20);
    walk(open(name, options), resumed, loaded, 12, 20);
    expect(bytesOf(resumed)).toEqual(bytesOf(parameters));
    expect(bytesOf(loaded.tensors)).toEqual(bytesOf(state.tensors));
    expect(loaded.numbers).toEqual(state.numbers);
  });

  test('takes as many bytes as it says', () => {
    for (const [parameter, tensor] of bowlParameters()) {
      const { tensors } = open(name, options).start(new Map([[parameter, tensor]]));
      const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
      expect(open(name, options).stateBytes(tensor.shape)).toBe(bytes);
    }
  });

  test('a parameter without a gradient stays, and what has rate 0 stays', () => {
    const optimizer = open(name, {
      ...options,
      ...(name === 'adafactor' ? { relativeStep: false, warmupInit: false } : {}),
    });
    const parameters = bowlParameters();
    const state = optimizer.start(parameters);
    walk(optimizer, parameters, state, 1, 3);
    const before = copyOf(parameters);
    const gradients = bowlGradients(parameters, 4);
    gradients.delete('down');
    const rateOf = (parameter: string): number => (parameter === 'conv' ? 0 : 0.01);
    optimizer.update({ parameters, gradients, state, step: 4, rateOf });
    const [now, then] = [bytesOf(parameters), bytesOf(before)];
    const stayed = [...now.keys()].filter(key => now.get(key) === then.get(key));
    // Schedule-free still moves towards its newest weights, and Adafactor's momentum is of steps, not of gradients.
    const goesOn = name === 'schedulefree-adamw' || (name === 'adafactor' && 'beta1' in options);
    expect(stayed).toEqual(goesOn ? ['down'] : ['down', 'conv']);
  });

  test('gradients of 0 leave numbers finite', () => {
    const optimizer = open(name, options);
    const parameters = bowlParameters();
    const state = optimizer.start(parameters);
    const zeros = new Map([...parameters].map(([key, { data }]) => [key, new Float32Array(data.length)]));
    for (let step = 1; step <= 3; step++) {
      optimizer.update({ parameters, gradients: zeros, state, step, rateOf: () => 0.01 });
    }
    walk(optimizer, parameters, state, 4, 6);
    for (const { data } of parameters.values()) expect(data.every(Number.isFinite)).toBe(true);
    for (const x of state.numbers.values()) expect(x).not.toBeNaN();
  });

  test('a state of other parameters is refused by name', () => {
    const optimizer = open(name, options);
    const parameters = bowlParameters();
    const state = optimizer.start(new Map([['other', { shape: [2, 2], data: new Float32Array(4) }]]));
    const gradients = bowlGradients(parameters, 1);
    const update = (): void =>
      optimizer.update({ parameters, gradients, state, step: 1, rateOf: () => 0.01 });
    expect(update).toThrow(expect.objectContaining({ code: 'RUN_STATE_INVALID' }));
    expect(update).toThrow(/bias:/);
  });
});

describe('options', () => {
  test.each(Object.entries(packageDefaults))(
    '%s has what its package does otherwise, and does otherwise',
    (name, options) => {
      const [ours, theirs] = [{}, options].map(given => optimizerOptionsOf(name as OptimizerName, given));
      for (const option of Object.keys(options)) {
        expect(theirs[option as keyof typeof theirs]).not.toBe(ours[option as keyof typeof ours]);
      }
    },
  );

  test('one that the optimizer does not have names those it has', () => {
    expect(() => optimizerOptionsOf('lion', { beta1: 0.9, dCoef: 2 })).toThrow(
      expect.objectContaining({
        code: 'RECIPE_INVALID',
        message: 'recipe field optimizerOptions.dCoef: lion has no such option',
        hint: 'It has beta1, beta2.',
      }),
    );
    expect(() => optimizerOptionsOf('prodigy', { dcoef: 2 })).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Did you mean dCoef\? It has beta1, /) }),
    );
  });

  test.each([
    ['adamw', { beta1: 1 }, /optimizerOptions\.beta1/],
    ['prodigy', { sliceP: 0 }, /optimizerOptions\.sliceP/],
    ['prodigy', { decouple: 1 }, /optimizerOptions\.decouple/],
    ['schedulefree-adamw', { beta1: 0 }, /optimizerOptions\.beta1/],
    ['adafactor', { warmupInit: true, relativeStep: false }, /warmupInit/],
  ] as const)('%s with %o is refused', (name, options, message) => {
    expect(() => optimizerOptionsOf(name, options)).toThrow(message);
  });
});
