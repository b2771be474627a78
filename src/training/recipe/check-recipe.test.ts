import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../models/index.ts';
import { planRun } from '../plan-run.ts';
import { adviseOnSet, baseFacts, idleFields, recipeChecks, reviewRecipe } from './check-recipe.ts';
import type { BaseFacts } from './checks/check.ts';
import { isSentence, type SetFacts, setChecks } from './checks/set-checks.ts';
import { type GoalFacts, goalChoices, goalFields, goalNames } from './goals.ts';
import { completeRecipe, type GivenRecipe, type Recipe } from './recipe.ts';

const epsilon: BaseFacts = {
  ...{ family: 'sd15', resolution: 512, latentScale: 8, predictionType: 'epsilon' },
  ...{ zeroTerminalSnr: false, trainSteps: 1000 },
};
const velocity: BaseFacts = { ...epsilon, family: 'sd2', resolution: 768, predictionType: 'v_prediction' };
const terminal: BaseFacts = { ...velocity, family: 'sdxl', resolution: 1024, zeroTerminalSnr: true };

const recipeFor = (given: GivenRecipe, { family, resolution }: BaseFacts): Recipe =>
  completeRecipe(given, family, resolution);
const review = (given: GivenRecipe, base = epsilon) => reviewRecipe(recipeFor(given, base), base);

type Case = [given: GivenRecipe, message: RegExp, base?: BaseFacts];

/** What is refused. */
const refused: Case[] = [
  [
    { learningRate: 10 },
    /learningRate: 10 × alpha \/ rank \(16 \/ 16\) is 10, usual for sd15 is about 0.0001/,
  ],
  [{ kind: 'lokr', learningRate: 1 }, /learningRate: 1: usual for sd15/],
  [{ optimizer: 'prodigy', learningRate: 1e-4 }, /learningRate: 0.0001 is for AdamW; prodigy wants about 1/],
  [{ optimizer: 'dadapt-adamw', learningRate: 1e-4 }, /dadapt-adamw wants about 1/],
  [
    { optimizer: 'schedulefree-adamw', schedule: 'cosine' },
    /schedule: cosine does not go with schedulefree-adamw/,
  ],
  [
    { optimizer: 'lion', optimizerOptions: { momentum: 0.9 } },
    /optimizerOptions\.momentum: lion has no such option/,
  ],
  [{ steps: 10, warmupSteps: 11 }, /warmupSteps: 11 is more than 10 steps/],
  [{ decaySteps: 5 }, /decaySteps: has no effect/],
  [
    { schedule: 'warmup-stable-decay', steps: 10, decaySteps: 8, warmupSteps: 3 },
    /decaySteps: 8 and 3 of warm-up/,
  ],
  [{ scheduleCycles: 3 }, /scheduleCycles: has no effect/],
  [{ schedulePower: 2 }, /schedulePower: has no effect/],
  [{ schedule: 'constant', scheduleMinRatio: 0.1 }, /scheduleMinRatio: has no effect/],
  [{ emaWarmup: false }, /emaWarmup: has no effect/],
  [{ bucketStep: 4 }, /bucketStep: 4 must be a multiple of 8/],
  [{ resolution: { width: 500, height: 512 } }, /500x512: sides must be multiples of 64/],
  [{ minBucketSide: 100 }, /minBucketSide: 100 is not a multiple/],
  [{ maxBucketSide: 1000 }, /maxBucketSide: 1000 is not a multiple/],
  [{ maxBucketSide: 448 }, /maxBucketSide: 448 is below the resolution/],
  [{ minBucketSide: 576 }, /minBucketSide: 576 is above the resolution/],
  [{ noUpscale: true, minBucketSide: 256 }, /minBucketSide: has no effect/],
  [{ noUpscale: true, maxBucketSide: 1024 }, /maxBucketSide: has no effect/],
  [{ zeroTerminalSnr: true }, /zeroTerminalSnr: needs v prediction/],
  [{ predictionType: 'epsilon' }, /zeroTerminalSnr: needs v prediction/, terminal],
  [{ scaleVLoss: true }, /scaleVLoss: is for v prediction/],
  [{ vLikeLoss: 1 }, /vLikeLoss: is for epsilon/, velocity],
  [{ softMinSnrGamma: 5, minSnrGamma: 5 }, /softMinSnrGamma: does not go with minSnrGamma/],
  [{ noiseOffsetRandom: true }, /noiseOffsetRandom: has no effect/],
  [{ adaptiveNoiseScale: 0.1 }, /adaptiveNoiseScale: has no effect/],
  [{ multiresDiscount: 0.5 }, /multiresDiscount: has no effect/],
  [{ inputPerturbationRandom: true }, /inputPerturbationRandom: has no effect/],
  [{ huberC: 0.2 }, /huberC: has no effect/],
  [{ huberSchedule: 'constant' }, /huberSchedule: has no effect/],
  [{ loss: 'l1', huberScale: 2 }, /huberScale: has no effect/],
  [{ minTimestep: 500, maxTimestep: 500 }, /minTimestep: 500 leaves no timestep below 500/],
  [{ minTimestep: 1000 }, /minTimestep: 1000 leaves no timestep below 1000/],
  [{ maxTimestep: 1001 }, /maxTimestep: 1001 is more than the 1000 timesteps/],
  [{ timestepBias: 1 }, /timestepBias: has no effect/],
  [{ timestepWeight: 1 }, /timestepWeight: has no effect/],
  [{ timesteps: 'heavy-tail', timestepWeight: 100 }, /timestepWeight: must be/],
  [{ timesteps: 'beta', timestepWeight: 2, timestepBias: 0 }, /timestepBias: must be above 0/],
  [{ keepTags: 1 }, /keepTags: has no effect/],
  [{ keepTagsSeparator: '|||' }, /keepTagsSeparator: has no effect/],
  [{ tagSeparator: ';' }, /tagSeparator: has no effect/],
  [{ tokenWarmupMin: 2 }, /tokenWarmupMin: has no effect/],
  [{ variants: 4 }, /variants: has no effect/],
  [{ outsideMask: 0.5 }, /outsideMask: has no effect/],
  [{ mask: 'alpha', outsideMask: 1 }, /mask: has no effect/],
  [{ regularisationWeight: 0.5 }, /regularisationWeight: has no effect/],
  [{ priorPreservation: 1 }, /priorPreservation: needs trigger and priorClass/],
  [{ priorPreservation: 1, trigger: 'zorbi' }, /priorPreservation: needs trigger and priorClass/],
  [{ newWordInit: 'dog' }, /newWordInit: has no effect/],
  [{ newWordVectors: 2 }, /newWordVectors: has no effect/],
  [{ newWordLearningRate: 1e-3 }, /newWordLearningRate: has no effect/],
  [{ patience: 3 }, /patience: has no effect: no pictures are held out/],
  [{ validateEvery: 3 }, /validateEvery: has no effect/],
  [{ validationDraws: 3 }, /validationDraws: has no effect/],
  [{ validationShare: 0.1, validationFolder: 'x' }, /validationFolder: does not go with validationShare/],
  [{ leaveOut: 1 }, /leaveOut: 1 run/],
  [{ leaveOut: 3, validationShare: 0.1 }, /leaveOut: does not go with/],
  [{ keepSaves: 3 }, /keepSaves: has no effect/],
  [{ previewEvery: 10 }, /previewEvery: has no effect: there are no previewPrompts/],
  [{ previewEveryEpochs: 1 }, /previewEveryEpochs: has no effect/],
];

/** What is done, with a warning. */
const advised: Case[] = [
  [{ learningRate: 3e-3 }, /learningRate: .*pictures will soon burn in/],
  [
    { rank: 32, alpha: 1, learningRate: 2e-6 },
    /learningRate: 0.000002 × alpha \/ rank \(1 \/ 32\).*hardly anything will be learnt; alpha changes the rate/,
  ],
  [
    { optimizer: 'lion', learningRate: 3e-3 },
    /learningRate: 0.003 is not usual for lion.*smaller than AdamW/,
  ],
  [
    { optimizer: 'prodigy', learningRate: 1, warmupSteps: 10, optimizerOptions: {} },
    /optimizerOptions: .*safeguardWarmup=true/,
  ],
  [
    { textTargets: 'attention', textLearningRate: 2e-4 },
    /textLearningRate: 0.0002 is above the UNet’s 0.0001/,
  ],
  [
    { optimizer: 'prodigy', textTargets: 'attention', textLearningRate: 0.5 },
    /textLearningRate: prodigy finds one step size/,
  ],
  [{ steps: 100, warmupSteps: 60 }, /warmupSteps: 60 of 100 steps/],
  [{ steps: 100, emaDecay: 0.999, emaWarmup: false }, /emaDecay: 0.999 averages over about 1000 steps/],
  [{ maxGradientNorm: 1e-5 }, /maxGradientNorm: 0.00001 cuts/],
  [
    { resolution: { width: 1024, height: 1024 } },
    /resolution: 1024x1024 is not the size that sd15 was made for \(512x512\): .*twice/,
  ],
  [
    { resolution: { width: 512, height: 512 } },
    /resolution: 512x512 is not the size that sdxl was made for/,
    terminal,
  ],
  [{ maxBucketSide: 1024 }, /maxBucketSide: 1024 is no more than the resolution.*2048 is usual/, terminal],
  [{ predictionType: 'epsilon' }, /predictionType: epsilon, but the base predicts v/, velocity],
  [{ predictionType: 'v_prediction' }, /predictionType: v, but the base predicts epsilon/],
  [{ zeroTerminalSnr: true }, /zeroTerminalSnr: the base does not say/, velocity],
  [{ zeroTerminalSnr: false }, /zeroTerminalSnr: the base was trained to pure noise/, terminal],
  [{ debiased: true, minSnrGamma: 5 }, /debiased: it and min-SNR both weigh/],
  [{ minSnrGamma: 0.5 }, /minSnrGamma: below 1/],
  [{ noiseOffset: 0.05 }, /noiseOffset: it and zero terminal SNR/, terminal],
  [{ noiseOffset: 0.3 }, /noiseOffset: above 0.2/],
  [{ noiseOffset: 0.05, multiresIterations: 6 }, /noiseOffset: it and pyramid noise/],
  [{ inputPerturbation: 0.5 }, /inputPerturbation: above 0.3/],
  [{ steps: 100, tokenWarmupSteps: 200 }, /tokenWarmupSteps: 200 is more than 100 steps/],
  [{ captionDropout: 0.6 }, /captionDropout: 0.6 leaves out most captions/],
  [{ captionDropoutEvery: 1 }, /captionDropoutEvery: 1: every epoch/],
  [{ tagDropout: 0.8 }, /tagDropout: 0.8 leaves hardly any tags/],
  [{ priorPreservation: 3, trigger: 'zorbi', priorClass: 'dog' }, /priorPreservation: 3 weighs more/],
  [{ validationShare: 0.1, steps: 10, validateEvery: 20 }, /validateEvery: 20 is more than 10 steps/],
  [{ steps: 10, saveEvery: 20 }, /saveEvery: 20 is more than 10 steps/],
  [{ steps: 10, previewEvery: 20, previewPrompts: ['a cat'] }, /previewEvery: 20 is more than 10 steps/],
];

test.each<Case>(refused)('%o is refused', (given, message, base = epsilon) => {
  const { problems } = review(given, base);
  expect(problems.map(problem => `${problem.field}: ${problem.message}`)).toEqual([
    expect.stringMatching(message),
  ]);
});

test.each<Case>(advised)('%o is advised against', (given, message, base = epsilon) => {
  const { problems, advice } = review(given, base);
  expect(problems).toEqual([]);
  expect(advice.map(one => one.message)).toEqual([expect.stringMatching(message)]);
});

test('every check is met by one of these', () => {
  const cases = [...refused, ...advised].map(
    ([given, , base = epsilon]) => [recipeFor(given, base), base] as const,
  );
  for (const { field, level, why } of recipeChecks) {
    const isMet = cases.some(([recipe, base]) => {
      try {
        return why(recipe, base, undefined) !== undefined;
      } catch {
        return false;
      }
    });
    expect(isMet, `${level} of ${field}`).toBe(true);
  }
});

describe('what is usual is left in peace', () => {
  const bases = [
    epsilon,
    velocity,
    { ...terminal, zeroTerminalSnr: false, predictionType: 'epsilon' as const },
    terminal,
  ];

  test.each(bases)('the defaults of $family', base =>
    expect(review({}, base)).toEqual({ problems: [], advice: [] }),
  );

  test.each([
    'adamw',
    'adamw8bit',
    'lion',
    'adafactor',
    'prodigy',
    'dadapt-adamw',
    'schedulefree-adamw',
    'came',
    'sgd-nesterov',
  ] as const)('%s with nothing else said, and with a warm-up', optimizer => {
    expect(review({ optimizer })).toEqual({ problems: [], advice: [] });
    expect(review({ optimizer, warmupSteps: 50 })).toEqual({ problems: [], advice: [] });
  });

  // Rates, ranks and alphas that trainers ship as their defaults for SD 1.5 and SDXL.
  test.each([
    { rank: 16, alpha: 8, learningRate: 5e-4, textTargets: 'attention+mlp', textLearningRate: 1e-4 },
    { rank: 16, alpha: 1, learningRate: 3e-4 },
    { rank: 4, alpha: 4, learningRate: 1e-4 },
    { rank: 1, alpha: 1, learningRate: 1e-4 },
    { rank: 64, alpha: 32, learningRate: 1e-4 },
  ])('%o', given => expect(review(given)).toEqual({ problems: [], advice: [] }));

  test.each(goalNames)('what the goal %s chooses, for any set', goal => {
    for (const base of [...bases, { ...velocity, family: 'pocket' as const, resolution: 64 }]) {
      for (const pictures of [1, 2, 3, 5, 9, 10, 19, 20, 50, 100, 300, 1000]) {
        const facts: GoalFacts = { ...base, pictures, different: pictures, hasRepeats: false, given: {} };
        const recipe = recipeFor(goalFields(goalChoices(goal, facts)), base);
        expect(reviewRecipe(recipe, base)).toEqual({ problems: [], advice: [] });
      }
    }
  });
});

describe('with pictures', () => {
  const set: SetFacts = {
    ...{ pictures: 20, different: 20, samplesPerEpoch: 20 },
    captions: Array.from({ length: 20 }, () => 'zorbi, meadow, night'),
  };
  const advise = (given: GivenRecipe, facts: Partial<SetFacts> = {}): string[] =>
    adviseOnSet(recipeFor({ steps: 1000, batch: 2, ...given }, epsilon), epsilon, { ...set, ...facts }).map(
      ({ message }) => message,
    );
  const sentences = Array.from(
    { length: 20 },
    () => 'A small green creature that walks in a meadow, at night.',
  );

  const cases: readonly (readonly [GivenRecipe, Partial<SetFacts>, RegExp])[] = [
    [{ batch: 21, steps: 100 }, {}, /batch: 21 is more than the 20 pictures of an epoch/],
    [{ batch: 8, accumulate: 4, steps: 100 }, {}, /accumulate: 4 × 8 pictures a step/],
    [{ steps: 100 }, {}, /steps: 100 steps look at each of 20 different pictures about 10 times: hardly/],
    [{ steps: 5000 }, {}, /about 500 times: they will be learnt by heart/],
    [{ shuffleTags: true }, { captions: sentences }, /shuffleTags: 20 of 20 captions are sentences/],
    [
      { tokenWarmupSteps: 100 },
      { captions: set.captions.map(() => 'zorbi') },
      /tokenWarmupSteps: 20 of 20 captions have one tag only/,
    ],
    [{ mask: 'files' }, { masks: 0 }, /mask: files, but no picture has a mask/],
    [{ mask: 'files' }, { masks: 15 }, /mask: files, but 5 of 20 pictures have no mask/],
    [
      { priorPreservation: 1, trigger: 'zorbo', priorClass: 'dog' },
      {},
      /priorPreservation: 20 of 20 captions lack "zorbo"/,
    ],
    [{ validationShare: 0.05 }, {}, /validationShare: 0.05 of 20 different pictures is one/],
  ];

  test.each(cases)('%o, %o', (given, facts, message) => {
    expect(advise(given, facts)).toEqual([expect.stringMatching(message)]);
  });

  test('every check is met by one of these', () => {
    for (const { field, why } of setChecks) {
      const isMet = cases.some(([given, facts]) =>
        why(recipeFor({ steps: 1000, batch: 2, ...given }, epsilon), epsilon, { ...set, ...facts }),
      );
      expect(isMet, field).toBe(true);
    }
  });

  test('a usual run is left in peace', () => {
    expect(
      advise({ shuffleTags: true, keepTags: 1, mask: 'files', validationShare: 0.1 }, { masks: 20 }),
    ).toEqual([]);
  });

  test.each([
    ['zorbi, meadow, night', false],
    ['1girl, solo, long hair, looking at viewer', false],
    ['a photo of a dog', false],
    ['a photo of sks dog on the beach', true],
    ['A dog.', false],
    ['A dog sleeps in the sun.', true],
    ['a woman with red hair stands in front of a window and looks outside', true],
    ['', false],
  ])('%s', (caption, expected) => expect(isSentence(caption, ',')).toBe(expected));
});

describe('with a checkpoint', () => {
  const pocket = openCheckpoint('pretrained/pocket');

  test('its facts are those of its files', () => {
    expect(baseFacts(pocket)).toEqual({
      ...{ family: 'pocket', resolution: 64, latentScale: 8, predictionType: 'v_prediction' },
      ...{ zeroTerminalSnr: false, trainSteps: 1000 },
    });
  });

  test('all that is wrong is told at once', () => {
    const given = { steps: 3, warmupSteps: 4, bucketStep: 12, keepTags: 2 };
    expect(() => planRun(pocket, given)).toThrow(
      /4 problems.*bucketStep.*resolution.*warmupSteps.*keepTags/s,
    );
  });

  test('advice comes with the plan', () => {
    expect(planRun(pocket, {}).advice).toEqual([]);
    expect(planRun(pocket, { predictionType: 'epsilon' }).advice).toEqual([
      expect.objectContaining({ code: 'RECIPE_ADVICE', field: 'predictionType' }),
    ]);
  });
});

test('fields that have no effect are known by name', () => {
  const recipe = recipeFor({ keepTags: 1, huberC: 0.5, rank: 4 }, epsilon);
  expect([...idleFields(recipe, epsilon).keys()]).toEqual(['huberC', 'keepTags']);
});
