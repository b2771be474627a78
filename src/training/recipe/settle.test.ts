import { describe, expect, test } from 'vitest';
import type { BaseFacts } from './checks/check.ts';
import { explainRecipe, explanationText } from './explain.ts';
import { type GoalFacts, type GoalName, goalChoices, goalFields, goalNames } from './goals.ts';
import { fileSource } from './origins.ts';
import { parseRecipeFile } from './read-recipe.ts';
import type { GivenRecipe } from './recipe.ts';
import { type PictureSurvey, type Said, settleRecipe } from './settle.ts';

const sd15: BaseFacts = {
  ...{ family: 'sd15', resolution: 512, latentScale: 8, predictionType: 'epsilon' },
  ...{ zeroTerminalSnr: false, trainSteps: 1000 },
};
const pocket: BaseFacts = { ...sd15, family: 'pocket', resolution: 64, predictionType: 'v_prediction' };

const set = (pictures: number, different = pictures): PictureSurvey => ({
  ...{ pictures, different, hasRepeats: false },
  batchesPerEpoch: async ({ batch, repeats }) => Math.ceil((pictures * (repeats ?? 1)) / batch),
});
const flags = (given: GivenRecipe, intent: Said['intent'] = {}): Said => ({
  ...{ given, intent },
  originOf: field => ({ from: 'flag', flag: `--${field}` }),
});
const file = (text: string): Said => {
  const read = parseRecipeFile(text, 'r.toml');
  return { ...fileSource(read), intent: read.intent };
};
const never = (): Promise<PictureSurvey> => Promise.reject(new Error('pictures were looked at'));

describe('who wins', () => {
  test('options over a file over a goal over defaults, each with its origin', async () => {
    const said = [file('goal = "character"\nrank = 4\nbatch = 3\n'), flags({ batch: 5 })];
    const { recipe, origins, given } = await settleRecipe(said, sd15, async () => set(20));
    expect(recipe).toMatchObject({ batch: 5, rank: 4, alpha: 2, learningRate: 3e-4, bucketStep: 64 });
    const from = (field: 'batch' | 'rank' | 'alpha' | 'bucketStep' | 'dropout' | 'resolution') =>
      origins.get(field);
    expect(from('batch')).toEqual({ from: 'flag', flag: '--batch' });
    expect(from('rank')).toEqual({ from: 'file', place: 'r.toml line 2' });
    expect(from('alpha')).toMatchObject({ from: 'goal', goal: 'character' });
    expect(from('bucketStep')).toEqual({ from: 'family', family: 'sd15' });
    expect(from('dropout')).toEqual({ from: 'default' });
    expect(from('resolution')).toEqual({ from: 'checkpoint' });
    expect(given).not.toHaveProperty('dropout');
  });

  test('without a goal or epochs, pictures are not looked at', async () => {
    const { recipe, origins } = await settleRecipe([flags({ rank: 8 })], sd15, never);
    expect(recipe.alpha).toBe(8);
    expect(origins.get('alpha')).toEqual({ from: 'computed', how: 'follows rank: scale 1' });
  });

  test('exceptions for layers add up in their order', async () => {
    const said = [
      file('[[overrides]]\nmatch = "a"\nrank = 1'),
      flags({ overrides: [{ match: 'b', rank: 2 }] }),
    ];
    const { recipe } = await settleRecipe(said, sd15, never);
    expect(recipe.overrides.map(({ match }) => match)).toEqual(['a', 'b']);
  });

  test('a goal as an option wins over one in the file', async () => {
    const said = [file('goal = "style"'), flags({}, { goal: 'object' })];
    expect((await settleRecipe(said, sd15, async () => set(20))).recipe.rank).toBe(8);
  });
});

describe('epochs', () => {
  test('become steps: pictures with repeats, by batch, by accumulation', async () => {
    const said = [flags({ batch: 4, accumulate: 2, repeats: 3 }, { epochs: 5 })];
    const { recipe, origins } = await settleRecipe(said, sd15, async () => set(10));
    expect(recipe.steps).toBe(5 * Math.ceil(Math.ceil(30 / 4) / 2));
    expect(origins.get('steps')).toEqual({ from: 'computed', how: '5 epochs of 4 steps' });
  });

  test('steps said later win, and the other way round', async () => {
    const survey = async (): Promise<PictureSurvey> => set(10);
    expect((await settleRecipe([file('epochs = 3'), flags({ steps: 7 })], sd15, survey)).recipe.steps).toBe(
      7,
    );
    expect(
      (await settleRecipe([file('steps = 7'), flags({}, { epochs: 3 })], sd15, survey)).recipe.steps,
    ).toBe(30);
  });

  test('a goal goes with them', async () => {
    const { recipe } = await settleRecipe([flags({}, { goal: 'style', epochs: 4 })], sd15, async () =>
      set(50),
    );
    expect(recipe).toMatchObject({ batch: 2, repeats: 4, steps: 4 * 100, warmupSteps: 20 });
  });
});

describe('goals', () => {
  const facts = (base: BaseFacts, different: number, given: GivenRecipe = {}): GoalFacts => ({
    ...{ ...base, pictures: different, different, hasRepeats: false, given },
  });
  const chosen = (goal: GoalName, base: BaseFacts, different: number, given: GivenRecipe = {}): GivenRecipe =>
    goalFields(goalChoices(goal, facts(base, different, given)));

  test('of the embedded model are what its demo was measured with', () => {
    // src/cli/demo/plan.ts: 20 pictures each
    const measured = { batch: 4, rank: 16, alpha: 16, learningRate: 1e-3, targets: 'linear' };
    expect(chosen('style', pocket, 20)).toMatchObject({ ...measured, steps: 600 });
    expect(chosen('character', pocket, 20)).toMatchObject({ ...measured, steps: 1000, captionDropout: 0.05 });
  });

  test('every choice has its reason in one sentence', () => {
    for (const goal of goalNames)
      for (const base of [sd15, pocket, { ...sd15, family: 'sdxl', resolution: 1024 } as const])
        for (const different of [1, 12, 200])
          for (const { field, why } of goalChoices(goal, facts(base, different)))
            expect(why, field).toMatch(/^[^\n]{10,}[^.\n]$/);
  });

  test('more pictures never get fewer steps, and each of them never more looks', () => {
    for (const goal of goalNames) {
      const runs = [1, 2, 5, 10, 20, 50, 100, 300, 1000].map(different => {
        const { steps = 0, batch = 0, accumulate = 1 } = chosen(goal, sd15, different);
        return { samples: steps * batch * accumulate, looks: (steps * batch * accumulate) / different };
      });
      for (let i = 1; i < runs.length; i++) {
        expect(runs[i].samples).toBeGreaterThanOrEqual(runs[i - 1].samples);
        expect(runs[i].looks).toBeLessThanOrEqual(runs[i - 1].looks * 1.02);
      }
    }
  });

  test('what was given is not chosen again, and the rest goes with it', () => {
    const given = { rank: 64, batch: 8, textTargets: null };
    const fields = chosen('character', sd15, 20, given);
    expect(fields).not.toHaveProperty('rank');
    expect(fields).not.toHaveProperty('textTargets');
    expect(fields).not.toHaveProperty('textLearningRate');
    expect(fields).toMatchObject({ alpha: 32, steps: 300 });
  });

  test('another optimizer keeps its own rate', async () => {
    const said = [flags({ optimizer: 'prodigy' }, { goal: 'character' })];
    const { recipe } = await settleRecipe(said, sd15, async () => set(20));
    expect(recipe).toMatchObject({ learningRate: 1, textTargets: 'attention+mlp', textLearningRate: null });
  });

  test('duplicates do not count; repeats of folders are left alone', () => {
    expect(chosen('character', sd15, 10)).toMatchObject({ repeats: 20 });
    expect(goalFields(goalChoices('character', { ...facts(sd15, 10), hasRepeats: true }))).not.toHaveProperty(
      'repeats',
    );
  });

  test('noise offset is for bases of epsilon only', () => {
    expect(chosen('style', sd15, 20).noiseOffset).toBe(0.05);
    expect(chosen('style', { ...sd15, predictionType: 'v_prediction' }, 20).noiseOffset).toBe(0);
  });
});

test('an explanation names every field, its value and its origin', async () => {
  const settled = await settleRecipe([flags({ rank: 8 }, { goal: 'style' })], sd15, async () => set(20));
  const rows = explainRecipe(settled, sd15);
  expect(rows.find(({ field }) => field === 'predictionType')).toMatchObject({
    shown: 'epsilon',
    why: 'from the base',
  });
  expect(rows.find(({ field }) => field === 'rank')).toMatchObject({ value: 8, why: '--rank' });
  const text = explanationText(rows);
  expect(text).toMatch(/^ {2}learningRate +0.0003 +goal style: usual at this alpha/m);
  expect(text.split('\n\n').length).toBe(new Set(rows.map(({ group }) => group)).size);
});
