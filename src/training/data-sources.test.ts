import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { assignBuckets, bucketSizes } from '../dataset/index.ts';
import { ownRules, pictureRules, pictureSources, readDataSources } from './data-sources.ts';
import { bucketRule, scanPictures, surveyBuckets } from './prepare.ts';
import { completeRecipe, type GivenRecipe } from './recipe/recipe.ts';

const recipeOf = (given: GivenRecipe = {}, resolution = 512) => completeRecipe(given, 'sd15', resolution);

/** Folders with a picture each, and a data set file beside them. */
async function dataset(toml: string): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'lora-data-'));
  for (const [i, folder] of ['one', 'two', 'reg'].entries()) {
    mkdirSync(join(root, folder));
    await sharp({ create: { width: 60 + i, height: 40, channels: 3, background: '#123' } })
      .png()
      .toFile(join(root, folder, `${folder}.png`));
  }
  writeFileSync(join(root, 'data.toml'), toml);
  return root;
}

const toml = `
[general]
enable_bucket = true
shuffle_caption = true
[[datasets]]
resolution = 768
batch_size = 3
[[datasets.subsets]]
image_dir = "one"
num_repeats = 4
flip_aug = true
keep_tokens = 2
class_tokens = "hat"
[[datasets.subsets]]
image_dir = "reg"
is_reg = true
class_tokens = "dog"
`;

test('a data set file gives rules of pictures and fields of the recipe; the recipe has the rest', async () => {
  const root = await dataset(toml);
  const sources = readDataSources([join(root, 'data.toml'), join(root, 'two')]);
  expect(sources.given).toEqual({ resolution: { width: 768, height: 768 }, batch: 3 });
  const recipe = recipeOf({ ...sources.given, keepTags: 1, tagDropout: 0.5, trigger: 'zork', repeats: 7 });
  const scan = await scanPictures(sources, { recipe });
  const rows = scan.pictures.map(({ path, caption, repeats, rules }) => {
    const { shuffleTags, keepTags, flip, tagDropout, isRegularisation } = rules;
    return [basename(path), caption, repeats, shuffleTags, keepTags, flip, tagDropout, isRegularisation];
  });
  expect(rows).toEqual([
    ['one.png', 'zork, hat', 4, true, 2, true, 0.5, false],
    ['reg.png', 'dog', 11, true, 1, false, 0.5, true],
    ['two.png', 'zork', 7, false, 1, false, 0.5, false],
  ]);
  expect(scan.warnings.map(({ code }) => code)).toContain('KOHYA_PATH');
  expect(await scanPictures([join(root, 'data.toml'), join(root, 'two')], { recipe })).toEqual(scan);
});

test('file names are captions when that is asked for', async () => {
  const root = await dataset('');
  const captions = async (given: GivenRecipe) =>
    (await scanPictures(join(root, 'one'), { recipe: recipeOf(given) })).pictures.map(
      ({ caption }) => caption,
    );
  expect(await captions({ fileNameCaptions: true })).toEqual(['one']);
  expect(await captions({})).toEqual(['']);
  expect(await captions({ fileNameCaptions: true, caption: 'given' })).toEqual(['given']);
});

test('data set files that contradict each other are refused', async () => {
  const root = await dataset(toml);
  writeFileSync(join(root, 'other.toml'), toml.replace('768', '512').replace('"one"', '"two"'));
  expect(() => readDataSources(['data', 'other'].map(name => join(root, `${name}.toml`)))).toThrow(
    expect.objectContaining({ code: 'KOHYA_DATASETS_DIFFER', message: expect.stringMatching(/resolution/) }),
  );
});

test('plain folders have the rules of the recipe; regularisation folders besides their own', () => {
  const recipe = recipeOf({
    regularisation: ['reg'],
    priorClass: 'dog',
    mask: 'files',
    colour: true,
    variants: 3,
  });
  const sources = pictureSources(readDataSources('pictures'), recipe);
  expect(sources).toEqual([
    { folder: 'pictures', rules: pictureRules(recipe) },
    {
      folder: 'reg',
      classTokens: 'dog',
      rules: { ...pictureRules(recipe), mask: 'none', isRegularisation: true },
    },
  ]);
  expect(sources[0].rules).toMatchObject({
    colour: true,
    variants: 3,
    captionDropout: recipe.captionDropout,
  });
});

test('a folder named like a data set file is a folder; a file that is not there is said', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lora-data-'));
  mkdirSync(join(root, 'set.toml'));
  expect(readDataSources(join(root, 'set.toml')).parts).toEqual([join(root, 'set.toml')]);
  expect(() => readDataSources(join(root, 'no.toml'))).toThrow(
    expect.objectContaining({ code: 'FILE_UNREADABLE' }),
  );
});

test('buckets: half to twice the longest side, SDXL’s sizes with it, others as the recipe says', () => {
  const sides = (given: GivenRecipe, resolution?: number) => {
    const { min, max, noEnlarging = false } = bucketRule(recipeOf(given, resolution));
    return [min, max, noEnlarging];
  };
  expect(sides({})).toEqual([256, 1024, false]);
  expect(sides({}, 1024)).toEqual([512, 2048, false]);
  const sizes = bucketSizes(bucketRule(recipeOf({}, 1024))).map(size => `${size.width}x${size.height}`);
  expect(sizes).toContain('832x1216');
  // sd-scripts: the shortest down to whole steps, the longest up.
  expect(sides({ minBucketSide: 300, maxBucketSide: 1000 })).toEqual([256, 1024, false]);
  expect(sides({ noUpscale: true })).toEqual([256, 1024, true]);
  expect(sides({ resolution: { width: 256, height: 1024 } })).toEqual([256, 2048, false]);
  expect(bucketSizes(bucketRule(recipeOf({ minBucketSide: 512, maxBucketSide: 512 })))).toHaveLength(1);
  for (const given of [{ minBucketSide: 576 }, { maxBucketSide: 448 }, { minBucketSide: 1 }]) {
    expect(() => bucketRule(recipeOf(given))).toThrow(
      expect.objectContaining({ code: 'BUCKET_OPTIONS', exit: 'usage' }),
    );
  }
});

test('without enlarging, a small picture keeps its size, and buckets smaller than a batch are trained', async () => {
  const small = { width: 200, height: 300 };
  const [free, usual] = [true, false].map(
    noUpscale => assignBuckets([small], bucketRule(recipeOf({ noUpscale })))[0].bucket,
  );
  expect(free).toEqual({ width: 192, height: 256 });
  expect(usual.width * usual.height).toBeGreaterThan(4 * free.width * free.height);
  const root = await dataset('');
  const recipe = recipeOf({ batch: 8, noUpscale: true, bucketStep: 8 });
  const scan = await scanPictures([join(root, 'one'), join(root, 'two')], { recipe });
  expect(surveyBuckets(scan, recipe)).toEqual({ buckets: { '56x40': 2 }, batchesPerEpoch: 1 });
});

test('a picture has rules of its own only where the recipe does not say the same', () => {
  const recipe = recipeOf({ shuffleTags: true, mask: 'files' });
  const rules = pictureRules(recipe);
  expect(ownRules({ rules }, recipe)).toEqual([]);
  expect(ownRules({ rules: { ...rules, keepTags: 2, maskFolder: 'there' } }, recipe)).toEqual([
    { keepTags: 2 },
  ]);
  const mask = { path: 'mask/a.png', hash: 'abc' };
  expect(ownRules({ rules, mask }, recipe)).toEqual(['abc']);
  expect(ownRules({ rules: { ...rules, shuffleTags: false }, mask }, recipe)).toEqual([
    { shuffleTags: false },
    'abc',
  ]);
});
