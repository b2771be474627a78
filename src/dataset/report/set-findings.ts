/** @file Findings about the set as a whole: copies, one background, one place of the subject, too few pictures. */
import { colorName } from './colors.ts';
import { type Composition, compositionOf } from './composition.ts';
import { type Finding, finding, type Severity } from './finding.ts';
import { type Goal, goals, leastOfAll } from './goals.ts';
import { commonGround, type SharedGround } from './ground.ts';
import type { MeasuredPicture } from './picture.ts';
import { thresholds } from './thresholds.ts';

export interface SetOptions {
  readonly goal: Goal | undefined;
  readonly batch: number;
}

/** One picture of every group stands for it. */
const oneOfEach = (
  pictures: readonly MeasuredPicture[],
  groups: readonly (readonly number[])[],
): MeasuredPicture[] => groups.map(([first]) => pictures[first]);

const pathsOf = (pictures: readonly MeasuredPicture[]): string[] =>
  pictures.map(({ picture }) => picture.path);

function copiesFinding(
  pictures: readonly MeasuredPicture[],
  groups: readonly (readonly number[])[],
): Finding[] {
  const several = groups.filter(group => group.length > 1);
  if (several.length === 0) return [];
  const members = several.flat();
  const surplus = members.length - several.length;
  const severity: Severity = surplus >= 0.15 * pictures.length ? 'high' : 'medium';
  return [
    finding({
      code: 'SAME_PICTURES',
      severity,
      pictures: members.map(i => pictures[i].picture.path),
      numbers: { pictures: members.length, groups: several.length, surplus },
      text: `${members.length} pictures are ${several.length === 1 ? 'one picture' : `${several.length} different ones`} only: the same, resized, mirrored, cut or compressed again. What they show is trained more often than the rest.`,
      action: 'Keep the best of each group; mirroring is what --flip is for, weight what repeats are for.',
    }),
  ];
}

const groundText = ({ lab }: SharedGround): string => colorName(lab);

function groundFinding(pictures: readonly MeasuredPicture[], goal: Goal | undefined): Finding[] {
  if (pictures.length < thresholds.fewestForShares) return [];
  const common = commonGround(pictures.map(({ ground }) => ground));
  if (!common || common.members.length < thresholds.groundShare * pictures.length) return [];
  const name = groundText(common);
  const count = common.members.length;
  const isStyle = goal === 'style';
  return [
    finding({
      code: 'BACKGROUND_ALIKE',
      ...(isStyle ? { severity: 'note' } : {}),
      pictures: pathsOf(common.members.map(i => pictures[i])),
      numbers: { count, of: pictures.length, share: count / pictures.length },
      text: `${count} of ${pictures.length} different pictures have ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name} background: it will be learnt ${isStyle ? 'as part of the style' : 'as part of the subject'}.`,
      ...(isStyle
        ? {}
        : {
            action: `Add pictures with other backgrounds, and write "${name} background" into the captions of these.`,
          }),
    }),
  ];
}

function placeFinding(pictures: readonly MeasuredPicture[], composition: Composition | undefined): Finding[] {
  if (!composition || pictures.length < thresholds.fewestForShares) return [];
  if (composition.alike < thresholds.samePlace) return [];
  return [
    finding({
      code: 'COMPOSITION_ALIKE',
      pictures: pathsOf(pictures),
      numbers: { alike: composition.alike },
      text: 'What stands out is at nearly the same place and of nearly the same size in all pictures: the LoRA will put it there.',
      action:
        'Add pictures from nearer and farther, with the subject left and right; or cut some of these differently.',
    }),
  ];
}

function countFinding(different: number, goal: Goal | undefined): Finding[] {
  if (different === 1) {
    return [
      finding({
        code: 'ONE_PICTURE',
        pictures: [],
        numbers: { different },
        text: 'There is one picture only: the LoRA will repeat it.',
        action: `Collect at least ${leastOfAll} different ones.`,
      }),
    ];
  }
  const least = goal ? goals[goal].least : leastOfAll;
  if (different >= least) return [];
  const wants = goal
    ? `${goals[goal].name} wants ${least} or more (${goals[goal].reason})`
    : `any goal wants ${least} or more`;
  return [
    finding({
      code: 'TOO_FEW_PICTURES',
      severity: different < least / 2 ? 'high' : 'medium',
      pictures: [],
      numbers: { different, least },
      text: `There are ${different} different pictures; ${wants}.`,
      action: `Add ${least - different} or more different ones.`,
    }),
  ];
}

export interface BucketFacts {
  readonly width: number;
  readonly height: number;
  readonly pictures: number;
  /** Pictures times repeats. */
  readonly shown: number;
}

export function bucketsOf(pictures: readonly MeasuredPicture[]): BucketFacts[] {
  const groups = Map.groupBy(pictures, ({ placed: { bucket } }) => `${bucket.width}x${bucket.height}`);
  return [...groups.values()]
    .map(those => ({
      ...those[0].placed.bucket,
      pictures: those.length,
      shown: those.reduce((sum, { picture }) => sum + picture.repeats, 0),
    }))
    .sort((a, b) => b.pictures - a.pictures || a.width - b.width);
}

function bucketFinding(pictures: readonly MeasuredPicture[], batch: number): Finding[] {
  const buckets = bucketsOf(pictures);
  const small = buckets.filter(({ shown }) => shown < batch);
  if (small.length === 0 || buckets.length === 1) return [];
  const isSmall = ({ placed: { bucket } }: MeasuredPicture): boolean =>
    small.some(({ width, height }) => width === bucket.width && height === bucket.height);
  const names = small.map(({ width, height, shown }) => `${width}x${height} (${shown})`);
  return [
    finding({
      code: 'BUCKET_SMALLER_THAN_BATCH',
      pictures: pathsOf(pictures.filter(isSmall)),
      numbers: { buckets: small.length, batch },
      text: `${small.length} of ${buckets.length} buckets have fewer pictures than a batch of ${batch}: ${names.join(', ')}. They are trained, in smaller batches.`,
      action: 'Cut these pictures to the shape of the others if you want batches to be full.',
    }),
  ];
}

export interface SetFindings {
  readonly findings: Finding[];
  readonly composition: Composition | undefined;
}

/** @param groups of nearly the same pictures, as indices into `pictures` */
export function setFindings(
  pictures: readonly MeasuredPicture[],
  groups: readonly (readonly number[])[],
  { goal, batch }: SetOptions,
): SetFindings {
  const different = oneOfEach(pictures, groups);
  const composition = compositionOf(different.map(({ edges }) => edges));
  const findings = [
    ...copiesFinding(pictures, groups),
    ...groundFinding(different, goal),
    ...placeFinding(different, composition),
    ...countFinding(different.length, goal),
    ...bucketFinding(pictures, batch),
  ];
  return { findings, composition };
}
