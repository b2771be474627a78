/** @file What a goal and a number of epochs need to know of a set of pictures. */
import { readFile } from 'node:fs/promises';
import { type DatasetScan, describeLikeness, groupAlike, type Likeness } from '../../dataset/index.ts';
import { surveyBuckets } from '../prepare.ts';
import type { Recipe } from './schema.ts';
import type { PictureSurvey } from './settle.ts';

/** Pictures that look at least a little different from all others; the same file again and small changes do not count. */
async function countDifferent(pictures: readonly { path: string; hash: string }[]): Promise<number> {
  const described: { hash: string; likeness: Likeness }[] = [];
  for (const { path, hash } of pictures)
    described.push({ hash, likeness: await describeLikeness(await readFile(path)) });
  return groupAlike(described).length;
}

/** Looks at pictures; `scan` reads them as a recipe says, whose repeats an epoch depends on. Regularisation pictures are not what is learnt. */
export async function surveyPictures(
  scan: (recipe: Recipe) => Promise<DatasetScan>,
  recipe: Recipe,
): Promise<PictureSurvey> {
  const { pictures } = await scan(recipe);
  const own = pictures.filter(({ rules }) => !rules.isRegularisation);
  return {
    pictures: own.length,
    different: await countDifferent(own),
    hasRepeats: own.some(({ repeats }) => repeats !== 1),
    batchesPerEpoch: async final => surveyBuckets(await scan(final), final).batchesPerEpoch,
  };
}
