/** @file How fields may be written: `learningRate`, `learning_rate`, `learning-rate`; and what a word for none may have meant. */
import { nearestWords } from '../../errors.ts';
import { isRecipeField, type RecipeField, recipeFields } from './schema.ts';

/** Letters and digits only: what a name has in common in all its spellings. */
const core = (name: string): string => name.toLowerCase().replace(/[-_ ]/g, '');

const byCore: ReadonlyMap<string, RecipeField> = new Map(recipeFields.map(name => [core(name), name]));

/** The field that is written `name`, in any spelling. */
export function fieldNamed(name: string): RecipeField | undefined {
  if (isRecipeField(name)) return name;
  return name.length > 64 ? undefined : byCore.get(core(name));
}

/** Other words that people know fields by: options of the command line, other trainers' names. */
const otherWords: Readonly<Record<string, RecipeField>> = {
  ...{ lr: 'learningRate', unetlr: 'learningRate', rate: 'learningRate' },
  ...{ textlr: 'textLearningRate', textencoderlr: 'textLearningRate' },
  ...{ dim: 'rank', networkdim: 'rank', r: 'rank', networkrank: 'rank', loradim: 'rank', lorarank: 'rank' },
  ...{ networkalpha: 'alpha', loraalpha: 'alpha', convdim: 'convRank', conv: 'convRank' },
  ...{ batchsize: 'batch', trainbatchsize: 'batch', gradientaccumulationsteps: 'accumulate' },
  ...{ gradientaccumulation: 'accumulate', maxtrainsteps: 'steps', maxsteps: 'steps', iterations: 'steps' },
  ...{ lrscheduler: 'schedule', scheduler: 'schedule', lrwarmupsteps: 'warmupSteps', warmup: 'warmupSteps' },
  ...{
    flipaug: 'flip',
    coloraug: 'colour',
    color: 'colour',
    shufflecaption: 'shuffleTags',
    keeptokens: 'keepTags',
  },
  ...{
    snrgamma: 'minSnrGamma',
    minsnr: 'minSnrGamma',
    maxgradnorm: 'maxGradientNorm',
    clip: 'maxGradientNorm',
  },
  ...{ captiondropoutrate: 'captionDropout', triggerword: 'trigger', instanceprompt: 'caption' },
  ...{
    textencodertargets: 'textTargets',
    targetmodules: 'targets',
    layers: 'targets',
    networkdropout: 'dropout',
  },
  ...{
    saveprecision: 'precision',
    dtype: 'precision',
    gradientcheckpointing: 'recompute',
    checkpointing: 'recompute',
  },
  ...{ usedora: 'dora', userslora: 'rsLora', losstype: 'loss', numrepeats: 'repeats', size: 'resolution' },
  ...{ vparameterization: 'predictionType', prediction: 'predictionType', ipnoisegamma: 'inputPerturbation' },
  ...{
    validationsplit: 'validationShare',
    priorlossweight: 'regularisationWeight',
    regdatadir: 'regularisation',
  },
  ...{ regularization: 'regularisation', regularizationweight: 'regularisationWeight', maskedloss: 'mask' },
};

/** Fields that somebody may have meant who wrote `name`, the likeliest first. */
export function meantFields(name: string): RecipeField[] {
  const known = Object.hasOwn(otherWords, core(name)) ? [otherWords[core(name)]] : [];
  return known.length > 0 ? known : (nearestWords(name, recipeFields) as RecipeField[]);
}
