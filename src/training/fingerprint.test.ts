import { expect, test } from 'vitest';
import { type DatasetScan, plainRules } from '../dataset/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { pictureRules } from './data-sources.ts';
import { runFingerprint } from './fingerprint.ts';
import { networkDefaults } from './recipe/network-fields.ts';
import { completeRecipe, type GivenRecipe } from './recipe/recipe.ts';

const pocket = openCheckpoint('pretrained/pocket');
const scan: DatasetScan = {
  folder: 'pictures',
  pictures: [
    {
      ...{ path: 'pictures/a.png', folder: 'pictures', width: 64, height: 64, hash: 'aa', rules: plainRules },
      ...{ caption: 'zork', captionSource: 'txt', repeats: 10 },
    },
  ],
  ...{ skipped: [], warnings: [], ignored: [] },
};
/** Of pictures about which nothing is said but in the recipe. */
function fingerprint(given: GivenRecipe): string {
  const recipe = completeRecipe(given, 'pocket', 64);
  const pictures = scan.pictures.map(picture => ({ ...picture, rules: pictureRules(recipe) }));
  return runFingerprint(recipe, { ...scan, pictures }, pocket, []);
}

test('states of version 0.1, whose recipes had no kinds, still resume', () => {
  // Computed by the code at commit 0eed783.
  expect(fingerprint({})).toBe('d6c0af64356a094bfc3f41547294b41e9382919352b5e89836ec16175408caec');
  const others: GivenRecipe = { rank: 8, alpha: 4, targets: 'attention', recompute: 'finest' };
  expect(fingerprint({ ...others, baseWeights: 'float16' })).toBe(
    '78cc96979aa66985c4dde843a726b5279223acc497dcfe86a736c54d383244ec',
  );
});

const others: Required<{ [Field in keyof typeof networkDefaults]: unknown }> = {
  kind: 'loha',
  rsLora: true,
  dora: 'input',
  convRank: 2,
  convAlpha: 2,
  tucker: true,
  factor: 4,
  decomposeBoth: true,
  fullMatrix: true,
  dropout: 0.1,
  rankDropout: 0.1,
  moduleDropout: 0.1,
  init: 'pissa',
  scaleWeightNorms: 1,
  loraPlusRatio: 2,
  unetLoraPlusRatio: 2,
  textLoraPlusRatio: 2,
  textTargets: 'attention',
  textRank: 2,
  textAlpha: 2,
  textLearningRate: 1e-5,
  blockRates: '1/1/1',
  blockRanks: '4/4/4',
  blockAlphas: '4/4/4',
  overrides: [{ match: 'attention', rank: 2 }],
};

test('every field of the kind changes it', () => {
  const fingerprints = Object.entries(others).map(([field, value]) => fingerprint({ [field]: value }));
  expect(fingerprints).toHaveLength(Object.keys(networkDefaults).length);
  expect(new Set([...fingerprints, fingerprint({})]).size).toBe(fingerprints.length + 1);
});

test('fields that are said to be as usual are as if they were not said', () => {
  expect(fingerprint({ ...networkDefaults })).toBe(fingerprint({}));
});

test('rules of a data set file and masks change it', () => {
  const recipe = completeRecipe({}, 'pocket', 64);
  const [picture] = scan.pictures;
  const of = (changed: Partial<typeof picture>) =>
    runFingerprint(
      recipe,
      { ...scan, pictures: [{ ...picture, rules: pictureRules(recipe), ...changed }] },
      pocket,
      [],
    );
  const all = [
    of({}),
    of({ rules: { ...pictureRules(recipe), shuffleTags: true } }),
    of({ mask: { path: 'a-mask.png', hash: '1' } }),
    of({ mask: { path: 'a-mask.png', hash: '2' } }),
  ];
  expect(new Set(all).size).toBe(4);
  expect(all[0]).toBe(fingerprint({}));
});
