/**
 * @file What a run is for, and what follows from it: a table of rules, each with its reason in a sentence.
 *
 * Sources, by what they were read from: the kohya-colab notebooks for SD 1.5 (512², 200–400 pictures with repeats an epoch, ten
 * epochs, batch 2, rate 5e-4, text encoder 1e-4, rank 16 with alpha 8, min-SNR 5, warm-up 5 %) and SDXL (batch 4, 3e-4 and 6e-5,
 * rank 8 with alpha 4); OneTrainer's presets (batch 4, 3e-4, SDXL without text encoders); diffusers' DreamBooth LoRA
 * (3 to 5 pictures, 500 steps of one, 1e-4 at scale 1) and text-to-image LoRA (49 looks at each of 1,221 pictures); LyCORIS'
 * guidelines (rank up to 64, alpha 1 to half of it, the transformers in most cases). Numbers of the embedded model are its
 * own, measured: those that `lora demo` trains its two sets with.
 */
import type { Family } from '../../models/index.ts';
import type { GivenRecipe, Recipe } from './schema.ts';

export const goalNames = ['character', 'style', 'object', 'subject'] as const;
export type GoalName = (typeof goalNames)[number];

/** What each goal is, for help. */
export const goalTexts: Readonly<Record<GoalName, string>> = {
  character: 'a person, an animal, a figure that is to be recognised',
  style: 'the way pictures are made, whatever they show',
  object: 'one thing, such as a product or a building',
  subject: 'a whole field, such as circuit boards or x-rays',
};

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

interface GoalNumbers {
  /** How often each different picture is looked at, where the run is neither very short nor very long. */
  readonly looks: number;
  /** Fewest and most samples of a run. */
  readonly samples: readonly [number, number];
  readonly rank: number;
  /** Whether SD 1 and 2 train their text encoder too, from this many different pictures on; null = never. */
  readonly textFrom: number | null;
  readonly captionDropout: number;
  readonly flip: boolean;
  readonly noiseOffset: number;
  readonly whyRank: string;
  readonly whyFlip: string;
}

const goals: Readonly<Record<GoalName, GoalNumbers>> = {
  character: {
    ...{
      looks: 120,
      samples: [600, 6000],
      rank: 16,
      textFrom: 10,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'a face and clothes need some room, and more rank learns backgrounds too',
    whyFlip: 'partings, scars and badges are on one side: mirrored, they would be learnt on both',
  },
  style: {
    ...{
      looks: 60,
      samples: [1200, 12_000],
      rank: 32,
      textFrom: null,
      captionDropout: 0.1,
      noiseOffset: 0.05,
      flip: true,
    },
    whyRank: 'a style is in many layers at once and takes more room than a thing',
    whyFlip: 'a style is the same in a mirror, and each picture counts as two',
  },
  object: {
    ...{
      looks: 100,
      samples: [500, 4000],
      rank: 8,
      textFrom: null,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'one rigid thing is little to learn, and less rank keeps it from its background',
    whyFlip: 'writing and handles are on one side: mirrored, they would be learnt wrong',
  },
  subject: {
    ...{
      looks: 40,
      samples: [2000, 40_000],
      rank: 32,
      textFrom: null,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'a whole field has much to learn that the base has never seen',
    whyFlip: 'in professional pictures left and right mean something',
  },
};

interface FamilyNumbers {
  readonly batch: number;
  readonly accumulate: number;
  /** At `alphaShare`, with AdamW. */
  readonly rate: number;
  readonly textRate: number | null;
  /** Times the goal's rank. */
  readonly rankShare: number;
  /** Instead of the goal's. */
  readonly rank?: number;
  /** alpha / rank */
  readonly alphaShare: number;
  readonly from: string;
}

const families: Readonly<Record<Family, FamilyNumbers>> = {
  sd15: {
    batch: 2,
    accumulate: 1,
    rate: 3e-4,
    textRate: 6e-5,
    rankShare: 1,
    alphaShare: 0.5,
    from: 'kohya-colab for SD 1.5, OneTrainer',
  },
  sd2: {
    batch: 2,
    accumulate: 1,
    rate: 3e-4,
    textRate: 6e-5,
    rankShare: 1,
    alphaShare: 0.5,
    from: 'as SD 1.5, which has the same UNet',
  },
  sdxl: {
    batch: 1,
    accumulate: 4,
    rate: 3e-4,
    textRate: null,
    rankShare: 0.5,
    alphaShare: 0.5,
    from: 'kohya-colab for SDXL, OneTrainer',
  },
  pocket: {
    batch: 4,
    accumulate: 1,
    rate: 1e-3,
    textRate: null,
    rankShare: 1,
    rank: 16,
    alphaShare: 1,
    from: 'measured with this model: see lora demo',
  },
};

/** The embedded model is small and its data sets are too: it is looked at longer. Measured with the demo's sets of 20 pictures. */
const pocketLooks: Readonly<Partial<Record<GoalName, number>>> = {
  character: 200,
  style: 120,
  object: 200,
  subject: 120,
};

/** Fewer different pictures than this are learnt by heart soon. */
const few = 10;

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
