/** @file What a run is for, and what follows from it: a table of rules, each with its reason in a sentence. */
import type { Family } from '../../models/index.ts';
import {
  type FamilyNumbers,
  families,
  few,
  type GoalName,
  type GoalNumbers,
  goals,
  pocketLooks,
} from './goal-numbers.ts';
import type { GivenRecipe, Recipe } from './schema.ts';

export { type GoalName, goalNames, goalTexts } from './goal-numbers.ts';

/** What the rules look at. */
export interface GoalFacts {
  readonly family: Family;
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly zeroTerminalSnr: boolean;
  readonly pictures: number;
  /** Pictures that are not (nearly) the same as another one. */
  readonly different: number;
  /** Whether folders say how often pictures repeat, which says more than a rule. */
  readonly hasRepeats: boolean;
  /** What is decided already; the rest goes with it. */
  readonly given: GivenRecipe;
}

/** A field that a goal decides. */
export interface GoalChoice {
  readonly field: keyof Recipe;
  readonly value: unknown;
  readonly why: string;
}

type Rule = (
  goal: GoalNumbers,
  base: FamilyNumbers,
  facts: GoalFacts,
  name: GoalName,
) => GoalChoice | undefined;

const batchOf = ({ batch }: FamilyNumbers, { different, given }: GoalFacts): number =>
  given.batch ?? Math.max(1, Math.min(batch, different));

const rankOf = (goal: GoalNumbers, { rank, rankShare }: FamilyNumbers, { given }: GoalFacts): number =>
  given.rank ?? rank ?? Math.max(1, goal.rank * rankShare);

/** Samples of a whole run: looks × pictures, held between the goal's bounds. */
function samplesOf(goal: GoalNumbers, facts: GoalFacts, name: GoalName): number {
  const looks = facts.family === 'pocket' ? (pocketLooks[name] ?? goal.looks) : goal.looks;
  const [least, most] = goal.samples;
  return Math.min(most, Math.max(least, looks * facts.different));
}

/** Steps in tens, and how often they look at each picture. */
const stepsOf: (...rule: Parameters<Rule>) => { steps: number; looks: number } = (
  goal,
  base,
  facts,
  name,
) => {
  const perStep = batchOf(base, facts) * (facts.given.accumulate ?? base.accumulate);
  const steps = Math.max(10, Math.round(samplesOf(goal, facts, name) / perStep / 10) * 10);
  return { steps, looks: (steps * perStep) / facts.different };
};

/** Whether the goal trains the text encoder; what was given wins. */
function hasText(
  { textFrom }: GoalNumbers,
  { textRate }: FamilyNumbers,
  { different, given }: GoalFacts,
): boolean {
  if (given.textTargets !== undefined) return given.textTargets !== null && textRate !== null;
  return textFrom !== null && textRate !== null && different >= textFrom;
}

const alphaWords = ({ alphaShare }: FamilyNumbers): string =>
  alphaShare === 1 ? 'the rank' : 'half the rank';

const rules: readonly Rule[] = [
  () => ({
    ...{ field: 'targets', value: 'linear' },
    why: 'the transformers are enough in most cases, and every program loads such a file (LyCORIS guidelines)',
  }),
  (goal, base, facts) => ({
    ...{ field: 'rank', value: rankOf(goal, base, facts) },
    why: base.rank
      ? base.from
      : goal.whyRank + (base.rankShare < 1 ? '; SDXL’s layers are wider, so half does' : ''),
  }),
  (goal, base, facts) => ({
    ...{ field: 'alpha', value: rankOf(goal, base, facts) * base.alphaShare },
    why: `${alphaWords(base)}, which the rate is meant for (${base.from})`,
  }),
  (_goal, base, { different }) => ({
    ...{
      field: 'learningRate',
      value: different < few ? Number(((base.rate * 2) / 3).toPrecision(6)) : base.rate,
    },
    why:
      different < few
        ? `a third less than usual (${base.from}): ${different} pictures are soon learnt by heart`
        : `usual at this alpha (${base.from})`,
  }),
  (_goal, base, facts) => ({
    ...{ field: 'batch', value: batchOf(base, facts) },
    why: facts.different < base.batch ? 'no more than there are pictures' : `usual (${base.from})`,
  }),
  (_goal, { accumulate }) =>
    accumulate === 1
      ? undefined
      : {
          field: 'accumulate',
          value: accumulate,
          why: `steps as even as with ${accumulate} pictures, in the memory of one`,
        },
  (goal, base, facts, name) => {
    const { steps, looks } = stepsOf(goal, base, facts, name);
    const why = `about ${Math.round(looks)} looks at each of ${facts.different} different pictures`;
    return { field: 'steps', value: steps, why };
  },
  (goal, base, facts, name) => {
    const steps = facts.given.steps ?? stepsOf(goal, base, facts, name).steps;
    return {
      field: 'warmupSteps',
      value: Math.round(steps / 20),
      why: '5 % of the steps, until AdamW knows its gradients (kohya-colab)',
    };
  },
  () => ({
    field: 'schedule',
    value: 'cosine',
    why: 'small steps at the end settle what was learnt (kohya-colab)',
  }),
  (_goal, _base, { hasRepeats, different }) =>
    hasRepeats
      ? undefined
      : {
          ...{ field: 'repeats', value: Math.min(40, Math.max(1, Math.round(200 / different))) },
          why: 'an epoch is then about 200 pictures, a good distance between looks (kohya-colab)',
        },
  goal => ({
    ...{ field: 'captionDropout', value: goal.captionDropout },
    why: 'now and then without words, so that guidance still has a picture without them to go from',
  }),
  goal => ({ field: 'flip', value: goal.flip, why: goal.whyFlip }),
  () => ({
    field: 'minSnrGamma',
    value: 5,
    why: 'timesteps with much and little noise learn equally fast (Hang et al. 2023)',
  }),
  (goal, _base, { predictionType, zeroTerminalSnr, family }) => {
    if (goal.noiseOffset === 0 || family === 'pocket')
      return { field: 'noiseOffset', value: 0, why: 'brightness is no part of what is to be learnt' };
    if (predictionType === 'v_prediction' || zeroTerminalSnr)
      return { field: 'noiseOffset', value: 0, why: 'this base reaches dark and bright pictures by itself' };
    const why = 'lets it learn very dark and very bright pictures, which a base of epsilon cannot';
    return { field: 'noiseOffset', value: goal.noiseOffset, why };
  },
  (goal, base, facts) => {
    if (hasText(goal, base, facts)) {
      const why = 'a name is learnt sooner where the text encoder learns it too (kohya-colab)';
      return { field: 'textTargets', value: 'attention+mlp', why };
    }
    const why =
      goal.textFrom === null
        ? 'the words stay as they are, so that they mean the same in other prompts'
        : base.textRate === null
          ? `the UNet alone learns it, and the words keep their meaning (${base.from})`
          : `fewer than ${goal.textFrom} pictures would teach the text encoder more than the name`;
    return { field: 'textTargets', value: null, why };
  },
  (goal, base, facts) =>
    hasText(goal, base, facts)
      ? {
          field: 'textLearningRate',
          value: base.textRate,
          why: 'a fifth of the UNet’s: words forget more easily (kohya-colab)',
        }
      : undefined,
  (_goal, _base, { different, given }) =>
    given.validationFolder
      ? undefined
      : different < few
        ? { field: 'validationShare', value: 0, why: `${different} pictures are too few to hold any back` }
        : {
            ...{ field: 'validationShare', value: different < 20 ? 0.2 : 0.1 },
            why: 'pictures that are not trained on show when the others begin to be learnt by heart',
          },
  (_goal, _base, { different, given: { validationShare, validationFolder } }) =>
    (different < few || validationShare === 0) && !validationShare && !validationFolder
      ? undefined
      : {
          field: 'patience',
          value: 5,
          why: 'the run stops when held-out pictures have not got better five times',
        },
];

/** An optimizer other than AdamW has rates and schedules of its own, which the rules do not know. */
const ofAdamW: ReadonlySet<string> = new Set(['learningRate', 'textLearningRate', 'schedule']);

/** What a goal decides for these pictures and this base, each with its reason; not what was given. */
export function goalChoices(name: GoalName, facts: GoalFacts): GoalChoice[] {
  const { given, family } = facts;
  const known: GoalFacts = { ...facts, different: Math.max(1, facts.different) };
  const isOther = given.optimizer !== undefined && !given.optimizer.startsWith('adamw');
  return rules
    .flatMap(rule => rule(goals[name], families[family], known, name) ?? [])
    .filter(({ field }) => given[field] === undefined && !(isOther && ofAdamW.has(field)));
}

/** The fields of these choices. */
export function goalFields(choices: readonly GoalChoice[]): GivenRecipe {
  return Object.fromEntries(choices.map(({ field, value }) => [field, value])) as GivenRecipe;
}
