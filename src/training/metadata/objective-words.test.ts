import { expect, test } from 'vitest';
import { completeRecipe, type GivenRecipe } from '../recipe/recipe.ts';
import { objectiveWords } from './objective-words.ts';

test.each<[GivenRecipe, string[]]>([
  [{}, []],
  [{ noiseOffset: 0.1, loss: 'huber' }, []],
  [{ softMinSnrGamma: 5 }, ['soft min-SNR 5']],
  [
    { predictionType: 'v_prediction', scaleVLoss: true },
    ['trained for v_prediction', 'v loss scaled like noise'],
  ],
  [{ vLikeLoss: 0.5, timesteps: 'cos-map' }, ['v-like loss 0.5', 'timesteps cos-map']],
  [{ minTimestep: 200 }, ['timesteps 200 to the last']],
  [
    { maxTimestep: 800, timesteps: 'sigmoid', timestepBias: 0.1, timestepWeight: 7 },
    ['timesteps 0 to 800, sigmoid, bias 0.1, weight 7'],
  ],
])('%o', (given, words) => {
  expect(objectiveWords(completeRecipe(given, 'sd15', 512))).toEqual(words);
});
