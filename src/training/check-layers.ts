/** @file Choices of a recipe that do not go together, or that would have no effect: refused with the reason. */
import { usageError } from '../errors.ts';
import { checkClashes, checkRank, type TrainedLayer } from '../lora/index.ts';
import { isKernelLayer, isTextLayer } from './plan-layers.ts';
import type { Problem } from './recipe/problems.ts';
import type { Recipe } from './recipe/recipe.ts';

interface Rule {
  readonly field: keyof Recipe;
  readonly isBroken: (recipe: Recipe, layers: readonly TrainedLayer[]) => boolean;
  readonly why: string;
}

const noneIs =
  (...kinds: TrainedLayer['kind'][]) =>
  (layers: readonly TrainedLayer[]): boolean =>
    !layers.some(({ kind }) => kinds.includes(kind));
const noLokr = noneIs('lokr');
const noLora = noneIs('lora');
const noKernel = (layers: readonly TrainedLayer[]): boolean => !layers.some(isKernelLayer);
const noText = ({ textTargets }: Recipe): boolean => textTargets === null;
const noUnet = ({ targets }: Recipe): boolean => targets === 'none';

const forLokr = 'has no effect: it is for the kind lokr, which no layer is trained as';
const forKernels = 'has no effect: no 3×3 convolution is trained; add them with --targets conv';
const forText = 'has no effect: no text encoder is trained; add --text-targets';
const forUnet = 'has no effect: --targets none trains no layer of the UNet';
const forProducts = 'has no effect with fullMatrix, which has no product of a rank';

const rules: readonly Rule[] = [
  { field: 'factor', isBroken: (r, layers) => r.factor !== -1 && noLokr(layers), why: forLokr },
  { field: 'factor', isBroken: r => r.factor < -1 || r.factor === 0, why: 'must be −1 or at least 1' },
  { field: 'decomposeBoth', isBroken: (r, layers) => r.decomposeBoth && noLokr(layers), why: forLokr },
  { field: 'fullMatrix', isBroken: (r, layers) => r.fullMatrix && noLokr(layers), why: forLokr },
  { field: 'decomposeBoth', isBroken: r => r.decomposeBoth && r.fullMatrix, why: forProducts },
  { field: 'tucker', isBroken: r => r.tucker && r.fullMatrix && r.kind === 'lokr', why: forProducts },
  { field: 'rsLora', isBroken: r => r.rsLora && r.fullMatrix && r.kind === 'lokr', why: forProducts },
  {
    field: 'alpha',
    isBroken: r => r.fullMatrix && r.kind === 'lokr' && r.alpha !== Math.max(1, r.rank),
    why: forProducts,
  },
  {
    field: 'init',
    isBroken: (r, layers) => r.init !== 'kaiming' && noLora(layers),
    why: 'has no effect: loha and lokr have their own start; it is for the kind lora',
  },
  {
    field: 'init',
    isBroken: r => r.init === 'pissa' && r.dora !== false,
    why: 'pissa does not go with dora: PiSSA takes its start out of the weight whose norms DoRA trains',
  },
  {
    field: 'init',
    isBroken: r => r.init === 'pissa' && r.tucker,
    why: 'pissa does not go with tucker: the principal parts of a weight are no Tucker product',
  },
  {
    field: 'scaleWeightNorms',
    isBroken: r => r.scaleWeightNorms > 0 && r.init === 'pissa',
    why: 'does not go with pissa: there B·A starts as a large part of the weight itself',
  },
  { field: 'tucker', isBroken: (r, layers) => r.tucker && noKernel(layers), why: forKernels },
  { field: 'convRank', isBroken: (r, layers) => r.convRank !== null && noKernel(layers), why: forKernels },
  { field: 'convAlpha', isBroken: (r, layers) => r.convAlpha !== null && noKernel(layers), why: forKernels },
  { field: 'textRank', isBroken: r => r.textRank !== null && noText(r), why: forText },
  { field: 'textAlpha', isBroken: r => r.textAlpha !== null && noText(r), why: forText },
  { field: 'textLearningRate', isBroken: r => r.textLearningRate !== null && noText(r), why: forText },
  { field: 'textLoraPlusRatio', isBroken: r => r.textLoraPlusRatio !== null && noText(r), why: forText },
  {
    field: 'textLearningRate',
    isBroken: (r, layers) =>
      Array.isArray(r.textLearningRate) &&
      new Set(layers.filter(isTextLayer).map(({ target }) => target.split('.')[0])).size < 2,
    why: 'has two rates, but only one text encoder is trained',
  },
  { field: 'unetLoraPlusRatio', isBroken: r => r.unetLoraPlusRatio !== null && noUnet(r), why: forUnet },
  { field: 'blockRates', isBroken: r => r.blockRates !== null && noUnet(r), why: forUnet },
  { field: 'blockRanks', isBroken: r => r.blockRanks !== null && noUnet(r), why: forUnet },
  { field: 'blockAlphas', isBroken: r => r.blockAlphas !== null && noUnet(r), why: forUnet },
];

/** A factor above a side of the layer would be as if none were given. */
function checkFactor(factor: number, { target, shape }: TrainedLayer): void {
  const largest = Math.min(shape[0], shape[1]);
  if (factor <= largest) return;
  const message = `recipe field factor: ${factor} is above the size of ${target} [${shape}], which is ${largest}`;
  throw usageError('RECIPE_INVALID', message);
}

/** Fields of a recipe that do not go together, or would have no effect, with these layers. */
export function layerProblems(recipe: Recipe, layers: readonly TrainedLayer[]): Problem[] {
  return rules
    .filter(({ isBroken }) => isBroken(recipe, layers))
    .map(({ field, why }) => ({ field, message: why }));
}

/** Throws RANK_INVALID, RANK_TOO_LARGE, RECIPE_INVALID or OPTIONS_CLASH for a layer that cannot be trained as it was asked. */
export function checkLayers(layers: readonly TrainedLayer[]): void {
  for (const layer of layers) {
    // LoKr of a large rank is one whose large matrix is no product.
    checkRank(layer.rank, layer.kind === 'lokr' ? [] : [layer]);
    if (layer.kind === 'lokr') checkFactor(layer.factor, layer);
    checkClashes(layer);
  }
}
