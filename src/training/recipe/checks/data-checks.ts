/** @file Cross-checks of what is said of pictures and captions, among each other. */
import type { Recipe } from '../schema.ts';
import { type Check, idle, when } from './check.ts';

const changesTags = ({ shuffleTags, tagDropout, tokenWarmupSteps }: Recipe): boolean =>
  shuffleTags || tagDropout > 0 || tokenWarmupSteps > 0;
const unchanged = 'tags stay as they are: there is no shuffleTags, tagDropout or tokenWarmupSteps';
const variesPictures = ({ colour, randomCrop, cropJitter }: Recipe): boolean =>
  colour || randomCrop || cropJitter > 0;

export const dataChecks: readonly Check[] = [
  idle('keepTags', r => r.keepTags > 0 && !changesTags(r), unchanged),
  idle('keepTagsSeparator', r => r.keepTagsSeparator !== '' && !changesTags(r), unchanged),
  idle('tagSeparator', r => r.tagSeparator !== ',' && !changesTags(r), unchanged),
  idle('tokenWarmupMin', r => r.tokenWarmupMin !== 1 && r.tokenWarmupSteps === 0, 'tokenWarmupSteps is 0'),
  {
    ...{ field: 'tokenWarmupSteps', level: 'advice' },
    why: ({ tokenWarmupSteps, steps }) =>
      when(
        tokenWarmupSteps > steps,
        `${tokenWarmupSteps} is more than ${steps} steps: captions will never be whole`,
      ),
  },
  {
    ...{ field: 'captionDropout', level: 'advice' },
    why: ({ captionDropout }) =>
      when(
        captionDropout > 0.5,
        `${captionDropout} leaves out most captions, so that words hardly lead to what is learnt; 0.05 to 0.1 are usual`,
      ),
  },
  {
    ...{ field: 'captionDropoutEvery', level: 'advice' },
    why: ({ captionDropoutEvery }) => when(captionDropoutEvery === 1, '1: every epoch goes without captions'),
  },
  {
    ...{ field: 'tagDropout', level: 'advice' },
    why: ({ tagDropout }) =>
      when(tagDropout > 0.7, `${tagDropout} leaves hardly any tags; 0.1 to 0.3 are usual`),
  },
  idle(
    'variants',
    r => r.variants !== 8 && !variesPictures(r),
    'there is no colour, randomCrop or cropJitter that would make different forms',
  ),
  idle('outsideMask', r => r.outsideMask !== 0 && r.mask === 'none', 'there is no mask'),
  idle(
    'mask',
    r => r.mask !== 'none' && r.outsideMask === 1,
    'outsideMask 1 counts everything outside the mask in full',
  ),
  idle(
    'regularisationWeight',
    r => r.regularisationWeight !== 1 && r.regularisation.length === 0,
    'there are no regularisation pictures',
  ),
  {
    ...{ field: 'priorPreservation', level: 'error' },
    why: ({ priorPreservation, priorClass, trigger, newWord }) =>
      when(
        priorPreservation > 0 && (priorClass === null || (trigger === null && newWord === null)),
        'needs trigger and priorClass: captions say the trigger word, and the base is asked for the class in its place',
      ),
  },
  {
    ...{ field: 'priorPreservation', level: 'advice' },
    why: ({ priorPreservation }) =>
      when(
        priorPreservation > 2,
        `${priorPreservation} weighs more than the pictures do: hardly anything will be learnt; 1 is usual`,
      ),
  },
  idle('newWordInit', r => r.newWordInit !== null && r.newWord === null, 'there is no newWord'),
  idle('newWordVectors', r => r.newWordVectors !== 1 && r.newWord === null, 'there is no newWord'),
  idle(
    'newWordLearningRate',
    r => r.newWordLearningRate !== null && r.newWord === null,
    'there is no newWord',
  ),
];
