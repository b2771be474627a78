/**
 * @file Which pictures are held out. A picture and those that show nearly the same stay on one side, so that nothing
 * that is measured was trained on; the choice depends on the seed and on what is in the files, not on their names.
 */
import { groupAlike, type Likeness } from '../../dataset/index.ts';
import { randomStream } from '../../engine/index.ts';
import { usageError } from '../../errors.ts';
import { assertNoLeak } from './leaks.ts';

export interface SplitPicture {
  readonly path: string;
  /** sha256 of the file, hex. */
  readonly hash: string;
  readonly likeness: Likeness;
  /** Each subset or folder gives its share. */
  readonly subset: string;
  /** Of the class, not of the subject: always trained on. */
  readonly isRegularisation?: boolean;
}

export interface Split {
  /** Indices of the pictures that are trained on, ascending. */
  readonly training: readonly number[];
  /** Indices of those that are measured: one of each group of alike pictures, so that none counts twice. */
  readonly heldOut: readonly number[];
  /** Indices of those that are neither, because they are like a held-out one. */
  readonly setAside: readonly number[];
  /** Pictures that differ from each other. */
  readonly different: number;
}

export interface SplitOptions {
  readonly seed: number;
  /** Of all pictures that are not regularisation, 0 … 0.9; half of them are always left to train on. */
  readonly share: number;
}

/** With fewer than these there is too little to train on and too little to measure. */
export const fewestDifferent = 5;

interface Group {
  /** Ascending; those that are the same or nearly the same. */
  readonly members: readonly number[];
  /** Where it stands in the draw, 0 … 1. */
  readonly place: number;
  readonly subset: string;
}

/** A number of 52 bits from the start of a hash. */
const numberOf = (hash: string): number => Number.parseInt(hash.slice(0, 13), 16);

function groupOf(
  members: readonly number[],
  pictures: readonly Pick<SplitPicture, 'hash' | 'subset'>[],
  seed: number,
): Group {
  const [first] = members
    .map(index => pictures[index])
    .sort((a, b) => (a.hash === b.hash ? 0 : a.hash < b.hash ? -1 : 1));
  const place = randomStream(seed, 'held out', numberOf(first.hash)).uniform();
  return { members, place, subset: first.subset };
}

const sizeOf = (groups: readonly Group[]): number =>
  groups.reduce((sum, { members }) => sum + members.length, 0);

/** How many pictures each subset gives: in proportion, what is left over to the largest remainders. */
function quotas(strata: ReadonlyMap<string, readonly Group[]>, wanted: number): Map<string, number> {
  const all = sizeOf([...strata.values()].flat());
  const shares = [...strata].map(([subset, groups]) => {
    const exact = (wanted * sizeOf(groups)) / all;
    return { subset, whole: Math.floor(exact), rest: exact % 1, place: groups[0].place };
  });
  let left = wanted - shares.reduce((sum, { whole }) => sum + whole, 0);
  const quota = new Map<string, number>();
  for (const { subset, whole } of shares.sort((a, b) => b.rest - a.rest || a.place - b.place))
    quota.set(subset, whole + (left-- > 0 ? 1 : 0));
  return quota;
}

/** Takes groups in the order of the draw as long as they fit: first by subset, then what is left from anywhere. */
function drawGroups(candidates: readonly Group[], wanted: number): Group[] {
  const strata = new Map<string, Group[]>();
  for (const group of candidates) strata.set(group.subset, [...(strata.get(group.subset) ?? []), group]);
  const quota = quotas(strata, wanted);
  const taken: Group[] = [];
  const take = (group: Group, room: number): number => {
    if (taken.includes(group) || group.members.length > room) return 0;
    taken.push(group);
    return group.members.length;
  };
  for (const [subset, groups] of strata) {
    let room = quota.get(subset) ?? 0;
    for (const group of groups) room -= take(group, room);
  }
  let room = wanted - sizeOf(taken);
  for (const group of candidates) room -= take(group, room);
  return taken;
}

function tooFew(different: number, all: number): Error {
  const pictures = all === different ? `${all} pictures` : `${all} pictures, ${different} of them different,`;
  const message = `${pictures} are too few to hold some out: at least ${fewestDifferent} different ones are needed`;
  const hint =
    'Set leaveOut instead: short runs, each without other pictures, find the number of steps, and then all are trained on. Or give a validationFolder.';
  return usageError('VALIDATION_TOO_FEW', message, hint);
}

/** The same with groups that are known already; without the look for leaks. */
export function splitGroups(
  pictures: readonly Omit<SplitPicture, 'likeness'>[],
  alike: readonly (readonly number[])[],
  { seed, share }: SplitOptions,
): Split {
  const groups = alike.map(members => groupOf(members, pictures, seed)).sort((a, b) => a.place - b.place);
  const isFree = ({ members }: Group): boolean => members.every(i => !pictures[i].isRegularisation);
  const candidates = groups.filter(isFree);
  const own = pictures.filter(({ isRegularisation }) => !isRegularisation).length;
  if (candidates.length < fewestDifferent) throw tooFew(candidates.length, own);
  const most = Math.floor(own / 2);
  const drawn = drawGroups(candidates, Math.min(most, Math.max(1, Math.round(share * own))));
  const smallest = candidates.toSorted((a, b) => a.members.length - b.members.length)[0];
  // Where every group is larger than what was asked for, the smallest is held out whole.
  if (drawn.length === 0 && smallest.members.length <= most) drawn.push(smallest);
  if (drawn.length === 0) throw tooFew(candidates.length, own);
  const out = new Set(drawn.flatMap(({ members }) => members));
  const heldOut = drawn.map(({ members }) => members[0]).sort((a, b) => a - b);
  return {
    training: pictures.flatMap((_, i) => (out.has(i) ? [] : [i])),
    heldOut,
    setAside: [...out].filter(i => !heldOut.includes(i)).sort((a, b) => a - b),
    different: candidates.length,
  };
}

/**
 * Splits pictures by `share`; at least one is held out. Throws VALIDATION_TOO_FEW where fewer than 5 differ, or where
 * they cannot be parted without cutting through pictures that are alike; VALIDATION_LEAK would be a fault of this code.
 */
export function splitPictures(pictures: readonly SplitPicture[], options: SplitOptions): Split {
  const split = splitGroups(pictures, groupAlike(pictures), options);
  assertNoLeak(pictures, split);
  return split;
}
