import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { fieldText, type GivenRecipe, recipeFields } from '../training/index.ts';
import { rowOf } from './recipe-options/rows.ts';
import { recipeOf, recipeSourceOf, withRecipe } from './recipe-options.ts';

const parse = (...options: string[]): GivenRecipe =>
  recipeOf(withRecipe(new Command('train')).exitOverride().parse(options, { from: 'user' }).opts());

test('every field has an option, and each option a field', () => {
  expect([...rowOf.keys()].sort()).toEqual([...recipeFields].sort());
  const flags = [...rowOf.values()].map(row => row.flags.split(' ')[0]);
  expect(new Set(flags).size).toBe(flags.length);
});

test('help has every option in its group, with what it means', () => {
  const help = withRecipe(new Command('train')).configureHelp({ helpWidth: 1000 }).helpInformation();
  for (const [field, { flags }] of rowOf) {
    expect(help, field).toContain(flags);
    expect(help, field).toContain(fieldText(field));
  }
  expect(help).not.toContain('--no-flip');
});

test('an option is where its value comes from', () => {
  expect(recipeSourceOf({ lr: 1e-4 }).originOf('learningRate')).toEqual({ from: 'flag', flag: '--lr' });
});

test('nothing given, nothing said', () => {
  expect(parse()).toEqual({});
});

test.each<[string[], GivenRecipe]>([
  [['--kind', 'lokr', '--factor', '-1'], { kind: 'lokr', factor: -1 }],
  [['--dora'], { dora: true as never }],
  [['--dora', 'input'], { dora: 'input' }],
  [
    ['--rslora', '--tucker', '--decompose-both', '--full-matrix'],
    { rsLora: true, tucker: true, decomposeBoth: true, fullMatrix: true },
  ],
  [['--conv-rank', '4', '--conv-alpha', '0.5'], { convRank: 4, convAlpha: 0.5 }],
  [
    ['--text-targets', 'attention', '--text-rank', '2', '--text-alpha', '1'],
    { textTargets: 'attention', textRank: 2, textAlpha: 1 },
  ],
  [['--text-lr', '5e-5'], { textLearningRate: 5e-5 }],
  [['--text-lr', '5e-5,1e-5'], { textLearningRate: [5e-5, 1e-5] }],
  [
    ['--dropout', '0.1', '--rank-dropout', '0.2', '--module-dropout', '0.3'],
    { dropout: 0.1, rankDropout: 0.2, moduleDropout: 0.3 },
  ],
  [['--init', 'pissa', '--scale-weight-norms', '1'], { init: 'pissa', scaleWeightNorms: 1 }],
  [
    ['--loraplus', '16', '--loraplus-unet', '8', '--loraplus-text', '4'],
    { loraPlusRatio: 16, unetLoraPlusRatio: 8, textLoraPlusRatio: 4 },
  ],
  [
    ['--block-lr', 'cosine/1/zeros+0.5', '--block-rank', '1,2', '--block-alpha', '3'],
    { blockRates: 'cosine/1/zeros+0.5', blockRanks: '1,2', blockAlphas: '3' },
  ],
  [['--recompute', '--steps', '5', '--lr', '1e-3'], { recompute: true, steps: 5, learningRate: 1e-3 }],
  [['--recompute', 'finest'], { recompute: 'finest' }],
  [['--no-flip', '--no-ema-warmup', '--no-dora'], { flip: false, emaWarmup: false, dora: false }],
  [
    ['--text-targets', 'none', '--repeats', 'none', '--decay-steps', 'none'],
    { textTargets: null, repeats: null, decaySteps: null },
  ],
  [
    [
      '--optimizer',
      'prodigy',
      '--optimizer-option',
      'dCoef=2',
      '--optimizer-option',
      'decouple=false',
      '--optimizer-option',
      'growthRate=none',
    ],
    { optimizer: 'prodigy', optimizerOptions: { dCoef: 2, decouple: false, growthRate: null } },
  ],
  [
    ['--schedule', 'cosine-restarts', '--schedule-cycles', '3'],
    { schedule: 'cosine-restarts', scheduleCycles: 3 },
  ],
  [
    ['--objective', 'v', '--no-zero-terminal-snr'],
    { predictionType: 'v_prediction', zeroTerminalSnr: false },
  ],
  [['--regularisation', 'a', '--regularisation', 'b'], { regularisation: ['a', 'b'] }],
  [
    ['--preview', 'a cat --d 1', '--preview', 'a dog', '--preview-every', '50'],
    { previewPrompts: ['a cat --d 1', 'a dog'], previewEvery: 50 },
  ],
  [['--resolution', '64x32', '--flip'], { resolution: { width: 64, height: 32 }, flip: true }],
])('%j', (options, recipe) => {
  expect(parse(...options)).toEqual(recipe);
});

describe('--set', () => {
  test('several, in their order, with colons and commas in their layers', () => {
    const set = [
      '--set',
      'block:mid: rank=8',
      '--set',
      '*.to_k, /to_[qv]{1,2}$/:alpha=2,lr=1e-5 , kind=loha',
    ];
    expect(parse(...set).overrides).toEqual([
      { match: 'block:mid', rank: 8 },
      { match: '*.to_k, /to_[qv]{1,2}$/', alpha: 2, learningRate: 1e-5, kind: 'loha' },
    ]);
  });

  test.each([
    ['block:mid', /is not "layers: name=value"/],
    ['block:mid: rank', /is not "layers: name=value"/],
    [': rank=2', /is not "layers: name=value"/],
    ['*: colour=2', /there is no colour; give rank, alpha, lr, kind/],
    ['*: constructor=2', /there is no constructor/],
    ['*: rank=two', /--set rank two is not a whole number/],
    ['*: lr=', /--set lr {2}is not a number/],
  ])('%s is refused', (text, message) => {
    expect(() => parse('--set', text)).toThrow(message);
  });
});

test.each([
  [['--kind', 'lorra'], /--kind lorra: give lora, loha or lokr/],
  [['--init', 'zero'], /--init zero: give kaiming, gaussian, orthogonal or pissa/],
  [['--dora', 'both'], /--dora both: give output or input/],
  [['--text-lr', '1e-4,'], /--text-lr {2}is not a number/],
  [['--optimizer-option', 'beta1'], /--optimizer-option beta1 is not "name=value"/],
  [['--optimizer-option', 'decouple=maybe'], /maybe is not a number, true, false or none/],
  [['--optimizer', 'adam'], /--optimizer adam: give adamw,/],
  [['--recompute', 'some'], /--recompute some: give all or finest/],
])('%j is refused', (options, message) => {
  expect(() => parse(...options)).toThrow(message);
});
