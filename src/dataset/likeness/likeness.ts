/** @file Which pictures of a set are the same or nearly the same: resized, compressed again, cut, brighter, mirrored. */
import { comparePictures } from './compare.ts';
import type { Likeness } from './describe.ts';

export { comparePictures, type PictureMatch } from './compare.ts';
export { describeLikeness, halve, type Likeness, likenessOf } from './describe.ts';

/** Union of sets by their smallest member. */
function findRoot(parents: number[], index: number): number {
  let root = index;
  while (parents[root] !== root) root = parents[root];
  parents[index] = root;
  return root;
}

/**
 * Groups pictures that are the same file or show nearly the same. Each index is in exactly one group, groups in order
 * of their first picture; a picture that is like no other is a group of its own. What is like a member of a group is in
 * the group (single linkage), so that no two groups have nearly the same picture between them.
 */
export function groupAlike<Picture extends { hash: string; likeness: Likeness }>(
  pictures: readonly Picture[],
  isAlike: (first: Picture, second: Picture) => boolean = ({ likeness }, second) =>
    comparePictures(likeness, second.likeness) !== undefined,
): number[][] {
  const parents = pictures.map((_, i) => i);
  const firstWithHash = new Map<string, number>();
  for (const [i, { hash }] of pictures.entries()) {
    const first = firstWithHash.get(hash);
    if (first === undefined) firstWithHash.set(hash, i);
    else parents[i] = first;
  }
  const distinct = [...firstWithHash.values()];
  for (const [k, j] of distinct.entries()) {
    for (const i of distinct.slice(0, k)) {
      const [a, b] = [findRoot(parents, i), findRoot(parents, j)];
      if (a === b || !isAlike(pictures[i], pictures[j])) continue;
      parents[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const groups = new Map<number, number[]>();
  for (const i of parents.keys()) {
    const root = findRoot(parents, i);
    groups.set(root, [...(groups.get(root) ?? []), i]);
  }
  return [...groups.values()];
}
