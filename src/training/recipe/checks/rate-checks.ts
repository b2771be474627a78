/** @file Cross-checks of how fast a run learns: rate, optimizer, alpha, schedule, warm-up. */
import { optimizerAdvice, usesRate } from '../../optimizers/advice.ts';
import { familyDefaults } from '../defaults.ts';
import type { Recipe } from '../schema.ts';
import { type BaseFacts, type Check, idle, when } from './check.ts';

const show = (value: number): string => String(Number(value.toPrecision(3)));

/** The factor of ΔW; of LoHa and LoKr it says less, because their ΔW is a product of more. */
const scaleOf = ({ kind, alpha, rank, rsLora }: Recipe): number =>
  kind === 'lora' && rank >= 1 ? alpha / (rsLora ? Math.sqrt(rank) : rank) : 1;

/** Whether a step moves numbers by about the rate, so that rate × scale says how fast ΔW grows. */
const isLikeAdam = ({ optimizer }: Recipe): boolean =>
  optimizer === 'adamw' ||
  optimizer === 'adamw8bit' ||
  optimizer === 'came' ||
  optimizer === 'schedulefree-adamw';

/** The largest that a text encoder has; 0 where it is that of the run. */
const textRate = ({ textLearningRate }: Recipe): number =>
  Array.isArray(textLearningRate) ? Math.max(...textLearningRate) : (textLearningRate ?? 0);

/** Times the usual rate × scale: below, hardly anything is learnt; above, much is forgotten; far above, all is lost. */
const [tooLittle, tooMuch, lost] = [1 / 40, 20, 1000];

const usualRateFor = (base: BaseFacts): number => familyDefaults[base.family].learningRate;

/** The run’s rate as a multiple of what is usual; undefined where the rate means something else. */
function timesUsual(recipe: Recipe, base: BaseFacts): number | undefined {
  if (!isLikeAdam(recipe)) return undefined;
  return (recipe.learningRate * scaleOf(recipe)) / usualRateFor(base);
}

function scaleWords(recipe: Recipe, base: BaseFacts): string {
  const { learningRate, alpha, rank, rsLora, kind } = recipe;
  const usual = `usual for ${base.family} is about ${show(usualRateFor(base))}`;
  if (kind !== 'lora') return `${show(learningRate)}: ${usual}`;
  const product = show(learningRate * scaleOf(recipe));
  return `${show(learningRate)} × alpha / ${rsLora ? '√' : ''}rank (${show(alpha)} / ${rsLora ? '√' : ''}${show(rank)}) is ${product}, ${usual}`;
}

export const rateChecks: readonly Check[] = [
  {
    ...{ field: 'learningRate', level: 'error' },
    why: (recipe, base) => {
      const times = timesUsual(recipe, base);
      return when(
        times !== undefined && times > lost,
        `${scaleWords(recipe, base)}: the first steps would destroy what the base knows`,
      );
    },
  },
  {
    ...{ field: 'learningRate', level: 'advice' },
    why: (recipe, base) => {
      const times = timesUsual(recipe, base);
      if (times === undefined || times > lost) return undefined;
      if (times > tooMuch)
        return `${scaleWords(recipe, base)}: pictures will soon burn in; a smaller alpha or rate slows it`;
      return when(
        times < tooLittle,
        `${scaleWords(recipe, base)}: hardly anything will be learnt; alpha changes the rate, so raise one of them`,
      );
    },
  },
  {
    ...{ field: 'learningRate', level: 'error' },
    why: recipe => {
      const { optimizer, learningRate } = recipe;
      const isRatio = optimizer === 'prodigy' || optimizer === 'dadapt-adamw';
      return when(
        isRatio && learningRate < 0.01,
        `${show(learningRate)} is for AdamW; ${optimizer} wants about 1: ${optimizerAdvice[optimizer].reason}`,
      );
    },
  },
  {
    ...{ field: 'learningRate', level: 'advice' },
    why: recipe => {
      const { optimizer, learningRate } = recipe;
      if (!usesRate(recipe)) return undefined;
      const { rates, reason } = optimizerAdvice[optimizer];
      const isRatio = optimizer === 'prodigy' || optimizer === 'dadapt-adamw';
      if (isLikeAdam(recipe) || (isRatio && learningRate < 0.01)) return undefined;
      return when(
        learningRate < rates.from || learningRate > rates.to,
        `${show(learningRate)} is not usual for ${optimizer}, which wants ${show(rates.from)} to ${show(rates.to)}: ${reason}`,
      );
    },
  },
  {
    ...{ field: 'schedule', level: 'error' },
    why: ({ optimizer, schedule }) => {
      const { constantOnly } = optimizerAdvice[optimizer];
      return when(
        constantOnly !== undefined && schedule !== 'constant',
        `${schedule} does not go with ${optimizer}, only constant: ${constantOnly}`,
      );
    },
  },
  {
    ...{ field: 'optimizerOptions', level: 'advice' },
    why: ({ optimizer, optimizerOptions, warmupSteps }) => {
      const { warmupOption } = optimizerAdvice[optimizer];
      return when(
        warmupOption !== undefined &&
          warmupSteps > 0 &&
          optimizerOptions[warmupOption.option] !== warmupOption.value,
        `with a warm-up, ${optimizer} wants ${warmupOption?.option}=${warmupOption?.value}: ${warmupOption?.reason}`,
      );
    },
  },
  {
    ...{ field: 'textLearningRate', level: 'advice' },
    why: recipe =>
      when(
        recipe.targets !== 'none' && recipe.textTargets !== null && textRate(recipe) > recipe.learningRate,
        `${show(textRate(recipe))} is above the UNet’s ${show(recipe.learningRate)}: words forget more easily than pictures; half or less is usual`,
      ),
  },
  {
    ...{ field: 'textLearningRate', level: 'advice' },
    why: ({ optimizer, textLearningRate, learningRate }) =>
      when(
        (optimizer === 'prodigy' || optimizer === 'dadapt-adamw') &&
          textLearningRate !== null &&
          textLearningRate !== learningRate,
        `${optimizer} finds one step size for all: another rate is only a factor of it`,
      ),
  },
  {
    ...{ field: 'warmupSteps', level: 'error' },
    why: ({ warmupSteps, steps }) =>
      when(
        warmupSteps > steps,
        `${warmupSteps} is more than ${steps} steps: the rate would never be reached`,
      ),
  },
  {
    ...{ field: 'warmupSteps', level: 'advice' },
    why: ({ warmupSteps, steps }) =>
      when(
        warmupSteps <= steps && warmupSteps > steps / 2,
        `${warmupSteps} of ${steps} steps: most of the run would learn slowly; 5 to 10 % are usual`,
      ),
  },
  idle(
    'decaySteps',
    r => r.decaySteps !== null && r.schedule !== 'warmup-stable-decay',
    'the schedule is not warmup-stable-decay',
  ),
  {
    ...{ field: 'decaySteps', level: 'error' },
    why: ({ decaySteps, warmupSteps, steps, schedule }) =>
      when(
        schedule === 'warmup-stable-decay' && decaySteps !== null && decaySteps + warmupSteps > steps,
        `${decaySteps} and ${warmupSteps} of warm-up are more than ${steps} steps`,
      ),
  },
  idle(
    'scheduleCycles',
    r => r.scheduleCycles !== 1 && r.schedule !== 'cosine-restarts',
    'the schedule is not cosine-restarts',
  ),
  idle(
    'schedulePower',
    r => r.schedulePower !== 1 && r.schedule !== 'polynomial',
    'the schedule is not polynomial',
  ),
  idle(
    'scheduleMinRatio',
    r => r.scheduleMinRatio !== 0 && r.schedule === 'constant',
    'a constant rate does not fall',
  ),
  idle('emaWarmup', r => !r.emaWarmup && r.emaDecay === 0, 'there is no average: emaDecay is 0'),
  {
    ...{ field: 'emaDecay', level: 'advice' },
    why: ({ emaDecay, steps, emaWarmup }) =>
      when(
        emaDecay > 0 && !emaWarmup && 1 / (1 - emaDecay) > steps / 2,
        `${emaDecay} averages over about ${Math.round(1 / (1 - emaDecay))} steps, and the run has ${steps}: mostly the start would be saved`,
      ),
  },
  {
    ...{ field: 'maxGradientNorm', level: 'advice' },
    why: ({ maxGradientNorm, optimizer }) =>
      when(
        maxGradientNorm > 0 && maxGradientNorm < 1e-3,
        `${show(maxGradientNorm)} cuts nearly every step of ${optimizer}; 1 is usual, 0 is off`,
      ),
  },
];
