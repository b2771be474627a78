/** @file What a LoRA's metadata says about its pictures: folders, tags and buckets, as kohya counts them. */

import { userInfo } from 'node:os';
import { basename, dirname, relative, resolve } from 'node:path';
import type { DatasetScan, PictureRules, ScannedPicture, TrainingItem } from '../../dataset/index.ts';
import { float, type PythonValue, pythonJson } from '../../lora/index.ts';
import { bucketRule } from '../prepare.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** Names of folders only, never paths, and not a home folder's: nothing private goes into a file that is shared. */
function rootName(folder: string): string {
  const name = basename(resolve(folder));
  return name === '' || name === userInfo().username ? 'pictures' : name;
}

/** The first folder below the source, as kohya's `10_name`, or the source itself. */
function folderOf({ folder, path }: ScannedPicture): string {
  const inside = relative(folder, dirname(path)).split(/[\\/]/)[0];
  return inside && inside !== '..' ? inside : rootName(folder);
}

interface FolderFacts {
  /** kohya has one number a folder; where folders below disagree, the largest. */
  repeats: number;
  pictures: number;
  readonly tags: Map<string, number>;
  /** Of its first picture. */
  readonly rules: PictureRules;
}

function countFolders(pictures: readonly ScannedPicture[]): Map<string, FolderFacts> {
  const folders = new Map<string, FolderFacts>();
  for (const picture of pictures) {
    const { caption, repeats, rules } = picture;
    const name = folderOf(picture);
    const facts = folders.get(name) ?? { repeats, pictures: 0, tags: new Map(), rules };
    folders.set(name, facts);
    facts.repeats = Math.max(facts.repeats, repeats);
    facts.pictures++;
    for (const tag of caption.split(',').map(part => part.trim().toLowerCase())) {
      if (tag) facts.tags.set(tag, (facts.tags.get(tag) ?? 0) + 1);
    }
  }
  return folders;
}

function bucketInfo(items: readonly TrainingItem[]): PythonValue {
  const buckets = new Map<string, { resolution: number[]; count: number }>();
  for (const { bucket, repeats } of items) {
    const key = `${bucket.width}x${bucket.height}`;
    const entry = buckets.get(key) ?? { resolution: [bucket.width, bucket.height], count: 0 };
    entry.count += repeats;
    buckets.set(key, entry);
  }
  const errors = items.map(({ bucket, originalSize }) =>
    Math.abs(bucket.width / bucket.height - originalSize.width / originalSize.height),
  );
  const mean = errors.reduce((a, b) => a + b, 0) / Math.max(1, errors.length);
  const numbered = [...buckets.values()].map((bucket, i) => [String(i), bucket] as const);
  return { buckets: new Map<string, PythonValue>(numbered), mean_img_ar_error: float(mean) };
}

/** Every folder as a subset of sd-scripts' data set configuration. */
function subsets(folders: ReadonlyMap<string, FolderFacts>): PythonValue[] {
  return [...folders].map(([name, { repeats, pictures, rules }]) => ({
    img_count: pictures,
    num_repeats: repeats,
    color_aug: rules.colour,
    flip_aug: rules.flip,
    random_crop: rules.randomCrop,
    shuffle_caption: rules.shuffleTags,
    keep_tokens: rules.keepTags,
    keep_tokens_separator: rules.keepTagsSeparator,
    secondary_separator: rules.secondarySeparator || null,
    enable_wildcard: rules.wildcards,
    caption_prefix: rules.captionPrefix || null,
    caption_suffix: rules.captionSuffix || null,
    resize_interpolation: 'lanczos',
    image_dir: name,
    class_tokens: null,
    is_reg: rules.isRegularisation,
  }));
}

const countRepeats = (pictures: readonly ScannedPicture[]): number =>
  pictures.reduce((sum, { repeats }) => sum + repeats, 0);

const dirsOf = (folders: ReadonlyMap<string, FolderFacts>): Map<string, PythonValue> =>
  new Map(
    [...folders].map(([name, { repeats, pictures }]) => [name, { n_repeats: repeats, img_count: pictures }]),
  );

/** The `ss_…` entries that are of pictures: both those of data set files and the older ones of folders. */
export function datasetEntries(
  scan: DatasetScan,
  items: readonly TrainingItem[],
  recipe: Recipe,
): Record<string, PythonValue> {
  const [trained, others] = [false, true].map(isRegularisation =>
    scan.pictures.filter(({ rules }) => rules.isRegularisation === isRegularisation),
  );
  const [folders, otherFolders] = [countFolders(trained), countFolders(others)];
  const rule = bucketRule(recipe);
  const { width, height } = recipe.resolution;
  const [images, otherImages] = [countRepeats(trained), countRepeats(others)];
  const all = [...folders, ...otherFolders];
  const tags = new Map(all.map(([name, facts]) => [name, facts.tags]));
  const info = bucketInfo(items);
  const dataset: PythonValue = {
    is_dreambooth: true,
    batch_size_per_device: recipe.batch,
    num_train_images: images,
    num_reg_images: otherImages,
    resolution: [width, height],
    enable_bucket: true,
    min_bucket_reso: rule.min,
    max_bucket_reso: rule.max,
    tag_frequency: tags,
    bucket_info: info,
    resize_interpolation: 'lanczos',
    subsets: [...subsets(folders), ...subsets(otherFolders)],
  };
  return {
    ss_num_train_images: images,
    ss_num_reg_images: otherImages,
    ss_resolution: `(${width}, ${height})`,
    ss_enable_bucket: true,
    ss_bucket_no_upscale: recipe.noUpscale,
    ss_min_bucket_reso: rule.min,
    ss_max_bucket_reso: rule.max,
    ss_flip_aug: recipe.flip,
    ss_color_aug: recipe.colour,
    ss_random_crop: recipe.randomCrop,
    ss_shuffle_caption: recipe.shuffleTags,
    ss_keep_tokens: recipe.keepTags,
    ss_datasets: pythonJson([dataset]),
    ss_dataset_dirs: pythonJson(dirsOf(folders)),
    ss_reg_dataset_dirs: pythonJson(dirsOf(otherFolders)),
    ss_tag_frequency: pythonJson(tags),
    ss_bucket_info: pythonJson(info),
  };
}
