/** @file Cross-checks of a recipe with the pictures it is for. */
import type { Recipe } from '../schema.ts';
import { type Check, when } from './check.ts';

/** What checks know of the pictures. */
export interface SetFacts {
  readonly pictures: number;
  /** Pictures that are not (nearly) the same as another one. */
  readonly different: number;
  /** Pictures of an epoch, repeats counted. */
  readonly samplesPerEpoch: number;
  readonly captions: readonly string[];
  /** Pictures that have a mask; undefined where it is not known. */
  readonly masks?: number | undefined;
}

/** Fewer looks than this teach hardly anything, more are learnt by heart. */
const [fewestLooks, mostLooks] = [20, 400];

/** A tag is a few words; longer stretches between separators are sentences. */
const mostWordsOfATag = 7;

/** Whether a caption is written in sentences rather than in tags. */
export function isSentence(caption: string, separator: string): boolean {
  const words = caption.split(separator).map(tag => tag.trim().split(/\s+/).length);
  return Math.max(...words) > mostWordsOfATag || /\S\s+\S+\s+\S.*[.!?]\s*$/.test(caption);
}

const looksOf = ({ steps, batch, accumulate }: Recipe, { different }: SetFacts): number =>
  (steps * batch * accumulate) / Math.max(1, different);

export const setChecks: readonly Check<SetFacts>[] = [
  {
    ...{ field: 'batch', level: 'advice' },
    why: ({ batch }, _base, { samplesPerEpoch }) =>
      when(
        batch > samplesPerEpoch,
        `${batch} is more than the ${samplesPerEpoch} pictures of an epoch: every step has all that share a bucket, and no more`,
      ),
  },
  {
    ...{ field: 'accumulate', level: 'advice' },
    why: ({ batch, accumulate }, _base, { samplesPerEpoch }) =>
      when(
        batch <= samplesPerEpoch && accumulate > 1 && batch * accumulate > samplesPerEpoch,
        `${accumulate} × ${batch} pictures a step are more than the ${samplesPerEpoch} of an epoch`,
      ),
  },
  {
    ...{ field: 'steps', level: 'advice' },
    why: (recipe, _base, facts) =>
      when(
        looksOf(recipe, facts) < fewestLooks,
        `${recipe.steps} steps look at each of ${facts.different} different pictures about ${Math.round(looksOf(recipe, facts))} times: hardly anything will be learnt; 50 to 200 times are usual`,
      ),
  },
  {
    ...{ field: 'steps', level: 'advice' },
    why: (recipe, _base, facts) =>
      when(
        looksOf(recipe, facts) > mostLooks,
        `${recipe.steps} steps look at each of ${facts.different} different pictures about ${Math.round(looksOf(recipe, facts))} times: they will be learnt by heart; 50 to 200 times are usual`,
      ),
  },
  {
    ...{ field: 'shuffleTags', level: 'advice' },
    why: ({ shuffleTags, tagSeparator }, _base, { captions }) => {
      const sentences = captions.filter(caption => isSentence(caption, tagSeparator)).length;
      return when(
        shuffleTags && sentences > captions.length / 2,
        `${sentences} of ${captions.length} captions are sentences, not tags: at "${tagSeparator}" they would be cut and mixed up`,
      );
    },
  },
  {
    ...{ field: 'tokenWarmupSteps', level: 'advice' },
    why: ({ tokenWarmupSteps, tagSeparator }, _base, { captions }) => {
      const tagged = captions.filter(caption => caption.includes(tagSeparator)).length;
      return when(
        tokenWarmupSteps > 0 && tagged < captions.length / 2,
        `${captions.length - tagged} of ${captions.length} captions have one tag only, which cannot grow`,
      );
    },
  },
  {
    ...{ field: 'mask', level: 'advice' },
    why: ({ mask }, _base, { masks, pictures }) => {
      const missing = masks === undefined ? 0 : pictures - masks;
      return when(
        mask !== 'none' && missing > 0,
        missing === pictures
          ? `${mask}, but no picture has a mask: the loss counts everywhere`
          : `${mask}, but ${missing} of ${pictures} pictures have no mask: there the loss counts everywhere`,
      );
    },
  },
  {
    ...{ field: 'priorPreservation', level: 'advice' },
    why: ({ priorPreservation, trigger, newWord }, _base, { captions }) => {
      const word = newWord ?? trigger;
      const without = word === null ? 0 : captions.filter(caption => !caption.includes(word)).length;
      return when(
        priorPreservation > 0 && without > 0,
        `${without} of ${captions.length} captions lack "${word}", so the class cannot take its place`,
      );
    },
  },
  {
    ...{ field: 'validationShare', level: 'advice' },
    why: ({ validationShare }, _base, { different }) =>
      when(
        validationShare > 0 && validationShare * different < 1.5,
        `${validationShare} of ${different} different pictures is one: what it says is mostly chance; hold out two or more, or use leaveOut`,
      ),
  },
];
