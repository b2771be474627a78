/** @file What a LoRA's metadata says about its pictures: folders, tags and buckets, as kohya counts them. */
import { userInfo } from 'node:os';
import { basename, dirname, relative, resolve } from 'node:path';
import type { DatasetScan, TrainingItem } from '../dataset/index.ts';

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

function countBuckets(items: readonly TrainingItem[]): { resolution: number[]; count: number }[] {
  const buckets = new Map<string, { resolution: number[]; count: number }>();
  for (const { bucket, repeats } of items) {
    const key = `${bucket.width}x${bucket.height}`;
    const entry = buckets.get(key) ?? { resolution: [bucket.width, bucket.height], count: 0 };
    entry.count += repeats;
    buckets.set(key, entry);
  }
  return [...buckets.values()];
}

/** `ss_dataset_dirs`, `ss_tag_frequency`, `ss_bucket_info`. */
export function datasetEntries(scan: DatasetScan, items: readonly TrainingItem[]): Record<string, unknown> {
  const folders = [...countFolders(scan)];
  return {
    ss_dataset_dirs: Object.fromEntries(
      folders.map(([name, { repeats, pictures }]) => [name, { n_repeats: repeats, img_count: pictures }]),
    ),
    ss_reg_dataset_dirs: {},
    ss_tag_frequency: Object.fromEntries(folders.map(([name, { tags }]) => [name, Object.fromEntries(tags)])),
    ss_bucket_info: {
      buckets: Object.fromEntries(countBuckets(items).map((bucket, i) => [String(i), bucket])),
    },
  };
}
