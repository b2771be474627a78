/** @file Cross-checks of sizes: resolution against the base, sides of buckets. */
import type { Recipe } from '../schema.ts';
import { type BaseFacts, type Check, idle, when } from './check.ts';

const longest = ({ resolution: { width, height } }: Recipe): number => Math.max(width, height);
const shortest = ({ resolution: { width, height } }: Recipe): number => Math.min(width, height);

/** Side of a square of the same area, times that of the base. */
const sizeRatio = ({ resolution: { width, height } }: Recipe, base: BaseFacts): number =>
  Math.sqrt(width * height) / base.resolution;

const sizeWords = ({ resolution: { width, height } }: Recipe, { family, resolution }: BaseFacts): string =>
  `${width}x${height} is not the size that ${family} was made for (${resolution}x${resolution})`;

const sideMustFit =
  (field: 'minBucketSide' | 'maxBucketSide') =>
  (recipe: Recipe): string | undefined => {
    const side = recipe[field];
    return when(
      side !== null && side % recipe.bucketStep !== 0,
      `${side} is not a multiple of bucketStep ${recipe.bucketStep}`,
    );
  };

export const sizeChecks: readonly Check[] = [
  {
    ...{ field: 'bucketStep', level: 'error' },
    why: ({ bucketStep }, { latentScale }) =>
      when(bucketStep % latentScale !== 0, `${bucketStep} must be a multiple of ${latentScale}`),
  },
  {
    ...{ field: 'resolution', level: 'error', code: 'RESOLUTION_INVALID' },
    why: ({ resolution: { width, height }, bucketStep }) =>
      when(
        width % bucketStep !== 0 || height % bucketStep !== 0,
        `${width}x${height}: sides must be multiples of ${bucketStep}`,
      ),
  },
  {
    ...{ field: 'resolution', level: 'advice' },
    why: (recipe, base) =>
      when(
        sizeRatio(recipe, base) > 1.6,
        `${sizeWords(recipe, base)}: it sees too little of such a picture at once, so things are learnt twice and stretched; scale to ${base.resolution}, or take a base made for more`,
      ),
  },
  {
    ...{ field: 'resolution', level: 'advice' },
    why: (recipe, base) =>
      when(
        sizeRatio(recipe, base) < 0.62,
        `${sizeWords(recipe, base)}: so few latent pixels hold no detail, and what is learnt looks coarse at full size`,
      ),
  },
  { field: 'minBucketSide', level: 'error', why: sideMustFit('minBucketSide') },
  { field: 'maxBucketSide', level: 'error', why: sideMustFit('maxBucketSide') },
  {
    ...{ field: 'maxBucketSide', level: 'error' },
    why: recipe =>
      when(
        recipe.maxBucketSide !== null && recipe.maxBucketSide < shortest(recipe),
        `${recipe.maxBucketSide} is below the resolution ${recipe.resolution.width}x${recipe.resolution.height}`,
      ),
  },
  {
    ...{ field: 'minBucketSide', level: 'error' },
    why: recipe =>
      when(
        recipe.minBucketSide !== null && recipe.minBucketSide > longest(recipe),
        `${recipe.minBucketSide} is above the resolution ${recipe.resolution.width}x${recipe.resolution.height}`,
      ),
  },
  {
    ...{ field: 'maxBucketSide', level: 'advice' },
    why: recipe => {
      const { maxBucketSide, minBucketSide } = recipe;
      const isOne = maxBucketSide === minBucketSide;
      return when(
        maxBucketSide !== null &&
          !isOne &&
          maxBucketSide >= shortest(recipe) &&
          maxBucketSide <= longest(recipe),
        `${maxBucketSide} is no more than the resolution, so every picture that is not square is trained smaller than it could be; ${2 * longest(recipe)} is usual`,
      );
    },
  },
  idle(
    'minBucketSide',
    r => r.minBucketSide !== null && r.noUpscale,
    'with noUpscale, buckets follow the pictures',
  ),
  idle(
    'maxBucketSide',
    r => r.maxBucketSide !== null && r.noUpscale,
    'with noUpscale, buckets follow the pictures',
  ),
];
