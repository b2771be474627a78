/** @file What a goal and a number of epochs need to know of a set of pictures. */
import { type DatasetScan, groupAlike } from '../../dataset/index.ts';
import { surveyBuckets } from '../prepare.ts';
import { readLikenesses } from '../validation/leaks.ts';
import type { Recipe } from './schema.ts';
import type { PictureSurvey } from './settle.ts';

/** Pictures that look at least a little different from all others; the same file again and small changes do not count. */
async function countDifferent(pictures: readonly { path: string; hash: string }[]): Promise<number> {
  const likenesses = await readLikenesses(pictures.map(({ path }) => path));
  return groupAlike(pictures.map(({ hash }, i) => ({ hash, likeness: likenesses[i] }))).length;
}

/** Looks at pictures; `scan` reads them as a recipe says, whose repeats an epoch depends on. Regularisation pictures are not what is learnt. */
export async function surveyPictures(
  scan: (recipe: Recipe) => Promise<DatasetScan>,
  recipe: Recipe,
  /** Only a goal asks how many are different, and may change what the pictures are read by. */
  hasGoal: boolean,
): Promise<PictureSurvey> {
  const first = await scan(recipe);
  const { pictures } = first;
  const own = pictures.filter(({ rules }) => !rules.isRegularisation);
  return {
    pictures: own.length,
    different: hasGoal ? await countDifferent(own) : own.length,
    hasRepeats: own.some(({ repeats }) => repeats !== 1),
    batchesPerEpoch: async final => surveyBuckets(hasGoal ? await scan(final) : first, final).batchesPerEpoch,
  };
}
