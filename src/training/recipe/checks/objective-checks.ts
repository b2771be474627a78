/** @file Cross-checks of what a sample asks of the UNet: prediction, noise, weights, timesteps. */
import { shapeProblem } from '../../objective/timestep-shape.ts';
import type { Recipe } from '../schema.ts';
import { type BaseFacts, type Check, idle, when } from './check.ts';

const aims = { epsilon: 'epsilon', v_prediction: 'v' } as const;

export const predictionOf = ({ predictionType }: Recipe, base: BaseFacts): BaseFacts['predictionType'] =>
  predictionType ?? base.predictionType;

const hasTerminal = ({ zeroTerminalSnr }: Recipe, base: BaseFacts): boolean =>
  zeroTerminalSnr ?? base.zeroTerminalSnr;

const isPlainLoss = ({ loss }: Recipe): boolean => loss === 'l2' || loss === 'l1';

export const objectiveChecks: readonly Check[] = [
  {
    ...{ field: 'predictionType', level: 'advice' },
    why: ({ predictionType }, base) =>
      when(
        predictionType !== null && predictionType !== base.predictionType,
        `${predictionType && aims[predictionType]}, but the base predicts ${aims[base.predictionType]}: unless the base says so wrongly, the LoRA will give blank or noisy pictures; leave it out to train as the base is`,
      ),
  },
  {
    ...{ field: 'zeroTerminalSnr', level: 'error' },
    why: (recipe, base) =>
      when(
        hasTerminal(recipe, base) && predictionOf(recipe, base) === 'epsilon',
        'needs v prediction: the last timestep is noise alone, of which epsilon learns nothing and min-SNR divides by zero (Lin et al. 2024)',
      ),
  },
  {
    ...{ field: 'zeroTerminalSnr', level: 'advice' },
    why: ({ zeroTerminalSnr }, base) =>
      when(
        zeroTerminalSnr !== null &&
          zeroTerminalSnr !== base.zeroTerminalSnr &&
          base.predictionType === 'v_prediction',
        zeroTerminalSnr
          ? 'the base does not say that it was trained to pure noise: if it was not, dark and bright pictures get worse'
          : 'the base was trained to pure noise: without it, the LoRA does not learn the first step of a picture',
      ),
  },
  {
    ...{ field: 'scaleVLoss', level: 'error' },
    why: (recipe, base) =>
      when(
        recipe.scaleVLoss && predictionOf(recipe, base) === 'epsilon',
        'is for v prediction; this run trains towards epsilon',
      ),
  },
  {
    ...{ field: 'vLikeLoss', level: 'error' },
    why: (recipe, base) =>
      when(
        recipe.vLikeLoss > 0 && predictionOf(recipe, base) === 'v_prediction',
        'is for epsilon; this run trains towards v already',
      ),
  },
  {
    ...{ field: 'softMinSnrGamma', level: 'error' },
    why: r =>
      when(
        r.softMinSnrGamma > 0 && r.minSnrGamma > 0,
        'does not go with minSnrGamma: they are two forms of one weighting; set minSnrGamma to 0',
      ),
  },
  {
    ...{ field: 'debiased', level: 'advice' },
    why: r =>
      when(
        r.debiased && (r.minSnrGamma > 0 || r.softMinSnrGamma > 0),
        'it and min-SNR both weigh timesteps, and their weights are multiplied: hardly anything is learnt from clear pictures; take one of them',
      ),
  },
  {
    ...{ field: 'minSnrGamma', level: 'advice' },
    why: r =>
      when(r.minSnrGamma > 0 && r.minSnrGamma < 1, 'below 1 it holds back nearly every timestep; 5 is usual'),
  },
  {
    ...{ field: 'noiseOffset', level: 'advice' },
    why: (recipe, base) =>
      when(
        recipe.noiseOffset > 0 && hasTerminal(recipe, base),
        'it and zero terminal SNR both widen brightness: with both, pictures come out too dark or too bright',
      ),
  },
  {
    ...{ field: 'noiseOffset', level: 'advice' },
    why: r =>
      when(r.noiseOffset > 0.2, 'above 0.2 it shifts the colours of all pictures; 0.03 to 0.1 are usual'),
  },
  {
    ...{ field: 'noiseOffset', level: 'advice' },
    why: r =>
      when(
        r.noiseOffset > 0 && r.multiresIterations > 0,
        'it and pyramid noise do the same for brightness; take one of them',
      ),
  },
  idle('noiseOffsetRandom', r => r.noiseOffsetRandom && r.noiseOffset === 0, 'there is no noiseOffset'),
  idle(
    'adaptiveNoiseScale',
    r => r.adaptiveNoiseScale !== 0 && r.noiseOffset === 0,
    'it is added to noiseOffset, which is 0',
  ),
  idle(
    'multiresDiscount',
    r => r.multiresDiscount !== 0.3 && r.multiresIterations === 0,
    'multiresIterations is 0',
  ),
  idle(
    'inputPerturbationRandom',
    r => r.inputPerturbationRandom && r.inputPerturbation === 0,
    'inputPerturbation is 0',
  ),
  {
    ...{ field: 'inputPerturbation', level: 'advice' },
    why: r => when(r.inputPerturbation > 0.3, 'above 0.3 it blurs what is learnt; 0.05 to 0.1 are usual'),
  },
  idle('huberC', r => r.huberC !== 0.1 && isPlainLoss(r), 'it is for the losses huber and smooth_l1'),
  idle(
    'huberSchedule',
    r => r.huberSchedule !== 'snr' && isPlainLoss(r),
    'it is for the losses huber and smooth_l1',
  ),
  idle('huberScale', r => r.huberScale !== 1 && isPlainLoss(r), 'it is for the losses huber and smooth_l1'),
  {
    ...{ field: 'minTimestep', level: 'error' },
    why: ({ minTimestep, maxTimestep }, { trainSteps }) => {
      const end = maxTimestep ?? trainSteps;
      return when(minTimestep >= end, `${minTimestep} leaves no timestep below ${end}`);
    },
  },
  {
    ...{ field: 'maxTimestep', level: 'error' },
    why: ({ maxTimestep }, { trainSteps }) =>
      when(
        maxTimestep !== null && maxTimestep > trainSteps,
        `${maxTimestep} is more than the ${trainSteps} timesteps of the base`,
      ),
  },
  idle('timestepBias', r => r.timestepBias !== 0 && r.timesteps === 'uniform', 'uniform has no shape'),
  idle('timestepWeight', r => r.timestepWeight !== 0 && r.timesteps === 'uniform', 'uniform has no shape'),
  ...(['timestepWeight', 'timestepBias'] as const).map(
    (field): Check => ({
      ...{ field, level: 'error' },
      why: (recipe, { trainSteps }) => shapeProblem(field, recipe, trainSteps),
    }),
  ),
];
