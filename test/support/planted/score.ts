/** @file Chooses what to plant by seed, and counts what a report finds of it, misses, and finds where nothing is. */
import { randomStream } from '../../../src/engine/index.ts';
import { pictureFaults } from './faults.ts';
import type { PlantedFault, PlantOptions, SetFault } from './planted-set.ts';

/** Faults of captions that cannot be together, or that hide each other. */
const captionChoices: readonly (readonly SetFault[])[] = [
  ['no captions'],
  ['equal captions', 'trigger known'],
  ['equal captions', 'empty captions'],
  ['one tag', 'some without caption', 'long captions'],
  ['trigger missing', 'binary captions', 'empty captions'],
  ['trigger known', 'long captions', 'binary captions'],
  ['trigger missing', 'one tag'],
  [],
];

/** A set in which every fourth is clean; which faults, and how many pictures, depends on the seed. */
export function choosePlants(seed: number): PlantOptions {
  const random = randomStream(seed, 'planted choice');
  if (seed % 4 === 0) return { seed, pictures: 14 + random.integer(5), faults: [] };
  const names = Object.keys(pictureFaults);
  if (seed % 4 === 1 && random.integer(2) === 0) {
    const [one] = random.permutation(names.length);
    const faults = names[one] === 'broken' ? [] : [names[one]];
    return { seed, pictures: 5 + random.integer(4), faults: ['too few', ...faults] };
  }
  const some = random
    .permutation(names.length)
    .slice(0, 5)
    .map(i => names[i]);
  const ofSet: SetFault[] = [...captionChoices[random.integer(captionChoices.length)]];
  if (random.integer(2) === 0) ofSet.push('copies');
  // Damaged pictures have no ground of their own any more: a biased set has few of them.
  const isBiased = random.integer(3) === 0;
  if (isBiased) ofSet.push('one ground');
  else if (random.integer(4) === 0) ofSet.push('one place');
  const isPure = isBiased || ofSet.includes('one place');
  const harmless = some.filter(name => ['turned', 'place', 'jpeg', 'profile'].includes(name));
  return { seed, pictures: 18 + random.integer(5), faults: [...(isPure ? harmless : some), ...ofSet] };
}

/** Codes that are notes on the way, or that the batch decides. */
const notJudged = new Set(['TRIGGER_GUESSED', 'WORD_IN_ALL', 'SCAN_WARNING', 'BUCKET_SMALLER_THAN_BATCH']);
/** Codes of a set as a whole. */
const ofSets = new Set([
  'BACKGROUND_ALIKE',
  'COMPOSITION_ALIKE',
  'WORD_IN_MOST',
  'CAPTIONS_EQUAL',
  'TRIGGER_KNOWN',
  'TOO_FEW_PICTURES',
  'ONE_PICTURE',
]);

export interface Score {
  hits: number;
  missed: string[];
  wrong: string[];
}

/** Adds one set's findings to the scores of each code. */
export function addScores(
  scores: Map<string, Score>,
  planted: readonly PlantedFault[],
  found: readonly { readonly code: string; readonly pictures: readonly string[] }[],
  set: string,
): void {
  const expected = new Set(planted.map(({ code, picture }) => `${code} ${picture ?? ''}`.trim()));
  const reported = new Set(
    found
      .filter(({ code }) => !notJudged.has(code))
      .flatMap(({ code, pictures }) =>
        ofSets.has(code) ? [code] : pictures.map(picture => `${code} ${picture}`),
      ),
  );
  const scoreOf = (key: string): Score => {
    const code = key.split(' ', 1)[0];
    const score = scores.get(code) ?? { hits: 0, missed: [], wrong: [] };
    scores.set(code, score);
    return score;
  };
  for (const key of expected) {
    if (reported.has(key)) scoreOf(key).hits++;
    else scoreOf(key).missed.push(`${set}: ${key}`);
  }
  for (const key of reported) if (!expected.has(key)) scoreOf(key).wrong.push(`${set}: ${key}`);
}

export interface Quality {
  readonly precision: number;
  readonly recall: number;
}

export function qualityOf(scores: Iterable<Score>): Quality {
  let [hits, missed, wrong] = [0, 0, 0];
  for (const score of scores) {
    hits += score.hits;
    missed += score.missed.length;
    wrong += score.wrong.length;
  }
  return { precision: hits / Math.max(1, hits + wrong), recall: hits / Math.max(1, hits + missed) };
}
