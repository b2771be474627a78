/** @file From a recipe to the layers that are trained, each with its own kind, rank, scale and rate. */
import { usageError } from '../errors.ts';
import {
  blockIndexOf,
  chooseTargets,
  type TrainedLayer,
  type TrainingOptions,
  usualOptions,
} from '../lora/index.ts';
import { type Checkpoint, type Family, type LayerInfo, listLayers, weightsByPart } from '../models/index.ts';
import { type BlockNumbers, blockNumbers } from './block-numbers.ts';
import type { Override } from './recipe/network-fields.ts';
import type { Recipe } from './recipe/recipe.ts';

export const isTextLayer = ({ target }: Pick<LayerInfo, 'target'>): boolean =>
  target.startsWith('text_encoder');

/** kohya's `conv_dim` is of these; 1×1 convolutions count as linear. */
export const isKernelLayer = ({ shape }: Pick<LayerInfo, 'shape'>): boolean =>
  shape.length === 4 && shape[2] > 1;

/** What a layer of the UNet or of a text encoder has before exceptions. */
type Choice = Pick<TrainingOptions, 'kind' | 'rank' | 'alpha' | 'rateFactor'>;

/** Where no alpha is said for a rank, the scale alpha/rank stays that of the run. */
const alphaFor = ({ rank, alpha }: Pick<Recipe, 'rank' | 'alpha'>, own: number): number =>
  own === rank ? alpha : (alpha / rank) * own;

/** Rank and alpha of a layer of the UNet in the block `index` (−1: in none), before exceptions. */
export function unetScale(
  recipe: Recipe,
  { ranks, alphas }: Pick<BlockNumbers, 'ranks' | 'alphas'>,
  index: number,
  isKernel: boolean,
): Pick<Choice, 'rank' | 'alpha'> {
  const [ownRank, ownAlpha] = isKernel ? [recipe.convRank, recipe.convAlpha] : [null, null];
  const rank = ranks[index] === 0 ? 0 : (ownRank ?? ranks[index] ?? recipe.rank);
  return { rank, alpha: ownAlpha ?? alphas[index] ?? alphaFor(recipe, rank) };
}

function unetChoice(layer: LayerInfo, recipe: Recipe, family: Family, blocks: BlockNumbers): Choice {
  const index = blockIndexOf(layer.target, family) ?? -1;
  const scale = unetScale(recipe, blocks, index, isKernelLayer(layer));
  return { kind: recipe.kind, ...scale, rateFactor: blocks.rates[index] ?? 1 };
}

function textChoice({ target }: LayerInfo, recipe: Recipe): Choice {
  const { kind, textRank, textAlpha, textLearningRate, learningRate } = recipe;
  const rank = textRank ?? recipe.rank;
  const encoder = target.startsWith('text_encoder_2.') ? 1 : 0;
  const rate = Array.isArray(textLearningRate) ? textLearningRate[encoder] : textLearningRate;
  const rateFactor = rate === null ? 1 : rate / learningRate;
  return { kind, rank, alpha: textAlpha ?? alphaFor(recipe, rank), rateFactor };
}

function changed(choice: Choice, { kind, rank, alpha, learningRate }: Override, recipe: Recipe): Choice {
  // A rank without an alpha keeps the scale that the layer has.
  const ownAlpha = alpha ?? (rank === undefined ? choice.alpha : alphaFor(choice, rank));
  return {
    kind: kind ?? choice.kind,
    rank: rank ?? choice.rank,
    alpha: ownAlpha,
    rateFactor: learningRate === undefined ? choice.rateFactor : learningRate / recipe.learningRate,
  };
}

/** All that the recipe says of a layer's kind beside what `Choice` holds. */
function withOptions(layer: LayerInfo, choice: Choice, recipe: Recipe): TrainedLayer {
  const { kind, rank, alpha } = choice;
  const plus = isTextLayer(layer) ? recipe.textLoraPlusRatio : recipe.unetLoraPlusRatio;
  const { factor, decomposeBoth, fullMatrix } = kind === 'lokr' ? recipe : usualOptions;
  return {
    ...layer,
    ...choice,
    alpha: recipe.rsLora ? alpha * Math.sqrt(rank) : alpha,
    upRateFactor: plus ?? recipe.loraPlusRatio,
    decomposed: recipe.dora,
    tucker: recipe.tucker && isKernelLayer(layer),
    ...{ factor, decomposeBoth, fullMatrix },
    neuronDropout: recipe.dropout,
    rankDropout: recipe.rankDropout,
    moduleDropout: recipe.moduleDropout,
    init: kind === 'lora' ? recipe.init : usualOptions.init,
    maxNorm: recipe.scaleWeightNorms,
  };
}

/** Layers that the recipe's expressions choose, the UNet's first. `none` as targets trains text encoders only. */
function chosenLayers(checkpoint: Checkpoint, { targets, textTargets }: Recipe): LayerInfo[] {
  const { family } = checkpoint;
  if (targets === 'none' && textTargets === null)
    throw usageError('TARGET_UNKNOWN', '--targets none leaves nothing to train', 'Give --text-targets too.');
  const parts = [...weightsByPart(checkpoint)];
  const [unetLayers, ...ofEncoders] = parts.map(([part, weights]) => listLayers(weights, part));
  const textLayers = ofEncoders.flat();
  const textOptions = { option: '--text-targets', family, start: 'attention+mlp' };
  return [
    ...(targets === 'none' ? [] : chooseTargets(unetLayers, targets, { family, start: 'linear' })),
    ...(textTargets === null ? [] : chooseTargets(textLayers, textTargets, textOptions)),
  ];
}

/** Every layer that a run trains; those whose block has the rate or the rank 0 are left out, as kohya does. */
export function planLayers(checkpoint: Checkpoint, recipe: Recipe): TrainedLayer[] {
  const { family } = checkpoint;
  const blocks = blockNumbers(recipe, family);
  const choices = new Map<LayerInfo, Choice>();
  for (const layer of chosenLayers(checkpoint, recipe)) {
    const choice = isTextLayer(layer) ? textChoice(layer, recipe) : unetChoice(layer, recipe, family, blocks);
    if (choice.rank !== 0 && choice.rateFactor !== 0) choices.set(layer, choice);
    else if (recipe.blockRates === null && recipe.blockRanks === null) choices.set(layer, choice);
  }
  if (choices.size === 0)
    throw usageError('TARGET_UNKNOWN', 'blocks with rate or rank 0 leave no layer to train');
  for (const override of recipe.overrides) {
    const option = '--set';
    for (const layer of chooseTargets([...choices.keys()], override.match, { option, family }))
      choices.set(layer, changed(choices.get(layer) as Choice, override, recipe));
  }
  return [...choices].map(([layer, choice]) => withOptions(layer, choice, recipe));
}
