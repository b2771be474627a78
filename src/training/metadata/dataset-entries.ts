/** @file What a LoRA's metadata says about its pictures: folders, tags and buckets, as kohya counts them. */

import { userInfo } from 'node:os';
import { basename, dirname, relative, resolve } from 'node:path';
import type { DatasetScan, TrainingItem } from '../../dataset/index.ts';
import { float, type PythonValue, pythonJson } from '../../lora/index.ts';
import { bucketRule } from '../prepare.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** Names of folders only, never paths, and not a home folder's: nothing private goes into a file that is shared. */
function rootName(folder: string): string {
  const name = basename(resolve(folder));
  return name === '' || name === userInfo().username ? 'pictures' : name;
}

function folderOf(scan: DatasetScan, path: string): string {
  const inside = relative(scan.folder, dirname(path)).split(/[\\/]/)[0];
  return inside && inside !== '..' ? inside : rootName(scan.folder);
}

interface FolderFacts {
  /** kohya has one number a folder; where folders below disagree, the largest. */
  repeats: number;
  pictures: number;
  readonly tags: Map<string, number>;
}

function countFolders(scan: DatasetScan): Map<string, FolderFacts> {
  const folders = new Map<string, FolderFacts>();
  for (const { path, caption, repeats } of scan.pictures) {
    const name = folderOf(scan, path);
    const facts = folders.get(name) ?? { repeats, pictures: 0, tags: new Map() };
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
function subsets(folders: ReadonlyMap<string, FolderFacts>, recipe: Recipe): PythonValue[] {
  return [...folders].map(([name, { repeats, pictures }]) => ({
    img_count: pictures,
    num_repeats: repeats,
    color_aug: false,
    flip_aug: recipe.flip,
    random_crop: false,
    shuffle_caption: false,
    keep_tokens: 0,
    keep_tokens_separator: '',
    secondary_separator: null,
    enable_wildcard: false,
    caption_prefix: null,
    caption_suffix: null,
    resize_interpolation: 'lanczos',
    image_dir: name,
    class_tokens: null,
    is_reg: false,
  }));
}

/** The `ss_…` entries that are of pictures: both those of data set files and the older ones of folders. */
export function datasetEntries(
  scan: DatasetScan,
  items: readonly TrainingItem[],
  recipe: Recipe,
): Record<string, PythonValue> {
  const folders = countFolders(scan);
  const rule = bucketRule(recipe);
  const { width, height } = recipe.resolution;
  const images = items.reduce((sum, { repeats }) => sum + repeats, 0);
  const tags = new Map([...folders].map(([name, facts]) => [name, facts.tags]));
  const info = bucketInfo(items);
  const dirs = new Map<string, PythonValue>(
    [...folders].map(([name, { repeats, pictures }]) => [name, { n_repeats: repeats, img_count: pictures }]),
  );
  const dataset: PythonValue = {
    is_dreambooth: true,
    batch_size_per_device: recipe.batch,
    num_train_images: images,
    num_reg_images: 0,
    resolution: [width, height],
    enable_bucket: true,
    min_bucket_reso: rule.min,
    max_bucket_reso: rule.max,
    tag_frequency: tags,
    bucket_info: info,
    resize_interpolation: 'lanczos',
    subsets: subsets(folders, recipe),
  };
  return {
    ss_num_train_images: images,
    ss_num_reg_images: 0,
    ss_resolution: `(${width}, ${height})`,
    ss_enable_bucket: true,
    ss_bucket_no_upscale: false,
    ss_min_bucket_reso: rule.min,
    ss_max_bucket_reso: rule.max,
    ss_flip_aug: recipe.flip,
    ss_color_aug: false,
    ss_random_crop: false,
    ss_shuffle_caption: false,
    ss_keep_tokens: 0,
    ss_datasets: pythonJson([dataset]),
    ss_dataset_dirs: pythonJson(dirs),
    ss_reg_dataset_dirs: pythonJson({}),
    ss_tag_frequency: pythonJson(tags),
    ss_bucket_info: pythonJson(info),
  };
}
