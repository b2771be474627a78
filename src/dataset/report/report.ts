/** @file The report on a data set: every picture measured as it is trained, and what is wrong with the set. */

import type { BucketAssignment } from '../buckets.ts';
import { withTrigger } from '../captions.ts';
import type { DatasetWarning, Skip } from '../findings.ts';
import { mapInOrder } from '../in-order.ts';
import { groupAlike } from '../likeness/likeness.ts';
import type { DatasetScan } from '../scan.ts';
import { type CaptionedPicture, type CaptionFault, captionFindings } from './caption-findings.ts';
import type { CaptionFacts } from './captions.ts';
import { colorName, hexOf } from './colors.ts';
import type { Composition } from './composition.ts';
import { type Finding, type FindingCode, finding, inOrderOfWeight } from './finding.ts';
import type { Goal } from './goals.ts';
import { compareKept } from './kept/alike-kept.ts';
import type { KeptMeasures } from './kept/keep-measures.ts';
import { type MeasuredPicture, measurePicture } from './picture.ts';
import { codesOf, pictureFindings, skipFindings } from './picture-findings.ts';
import { type BucketFacts, bucketsOf, setFindings } from './set-findings.ts';
import { thresholds } from './thresholds.ts';
import { type LookUp, type TriggerFacts, triggerFindings } from './trigger-findings.ts';
import { effectiveNumber } from './variety.ts';

export interface ReportRequest {
  /** Made without a trigger word, so that it can be seen which captions have it. */
  readonly scan: DatasetScan;
  /** Buckets and crops of the run, in the order of the scan's pictures. */
  readonly placed: readonly BucketAssignment[];
  readonly batch: number;
  readonly goal?: Goal | undefined;
  readonly trigger?: string | undefined;
  /** Reads a caption as the run does. */
  readonly readCaption: (caption: string) => CaptionFacts;
  readonly lookUp: LookUp;
  /** Caption files that a run stops at. */
  readonly captionFaults?: readonly CaptionFault[];
  /** Longest side of small pictures, where they are wanted too. */
  readonly thumbnailSide?: number;
  /** Measures of pictures that were measured before. */
  readonly kept?: KeptMeasures;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface ReportedPicture extends MeasuredPicture {
  /** As it is trained, with the trigger word. */
  readonly caption: string;
  readonly tokens: CaptionFacts;
  /** Of nearly the same pictures: index into `groups`. */
  readonly group: number;
  readonly codes: readonly FindingCode[];
}

export interface ColorCount {
  readonly name: string;
  readonly color: string;
  readonly pictures: number;
}

export interface DatasetReport {
  readonly folder: string;
  readonly goal: Goal | undefined;
  readonly pictures: readonly ReportedPicture[];
  readonly skipped: readonly Skip[];
  readonly ignored: readonly string[];
  /** Indices of nearly the same pictures, singles included. */
  readonly groups: readonly (readonly number[])[];
  /** Vendi score of the set; undefined for more pictures than it is computed for. */
  readonly effective: number | undefined;
  readonly trigger: TriggerFacts;
  readonly buckets: readonly BucketFacts[];
  readonly backgrounds: readonly ColorCount[];
  readonly composition: Composition | undefined;
  /** In order of how much they matter. */
  readonly findings: readonly Finding[];
}

/** What the report says itself, in other words. */
const saidElsewhere = new Set([
  'DATASET_ONE_PICTURE',
  'DATASET_DUPLICATE',
  'CAPTION_EMPTY',
  'CAPTION_FALLBACK',
  'CAPTION_MISSING',
]);

const warningFindings = (warnings: readonly DatasetWarning[]): Finding[] =>
  warnings
    .filter(({ code }) => !saidElsewhere.has(code))
    .map(({ message, path }) =>
      finding({ code: 'SCAN_WARNING', severity: 'note', pictures: path ? [path] : [], text: `${message}.` }),
    );

/** Plain grounds by the name of their colour; those without one are "mixed". */
function countBackgrounds(pictures: readonly MeasuredPicture[]): ColorCount[] {
  const nameOf = ({ ground }: MeasuredPicture): string =>
    ground.share >= thresholds.plainGround ? colorName(ground.lab) : 'mixed';
  return [...Map.groupBy(pictures, nameOf)]
    .map(([name, those]) => ({ name, color: hexOf(those[0].ground.color), pictures: those.length }))
    .sort((a, b) => b.pictures - a.pictures || (a.name < b.name ? -1 : 1));
}

function varietyOf(
  pictures: readonly MeasuredPicture[],
  groups: readonly (readonly number[])[],
): number | undefined {
  if (groups.length === 0 || groups.length > thresholds.mostForVariety) return undefined;
  const weights = groups.map(group => group.reduce((sum, i) => sum + pictures[i].picture.repeats, 0));
  return effectiveNumber(
    groups.map(([first]) => pictures[first].likeness),
    weights,
  );
}

async function measureAll({
  scan,
  placed,
  thumbnailSide,
  kept,
  onProgress,
  signal,
}: ReportRequest): Promise<MeasuredPicture[]> {
  let done = 0;
  return mapInOrder([...scan.pictures.entries()], 2, async ([i, picture]) => {
    signal?.throwIfAborted();
    const measured = await measurePicture(picture, placed[i], { thumbnailSide, kept });
    onProgress?.(++done, scan.pictures.length);
    return measured;
  });
}

function groupsOf(measured: readonly MeasuredPicture[], kept: KeptMeasures | undefined): number[][] {
  const pictures = measured.map(({ picture, likeness }) => ({ hash: picture.hash, likeness }));
  if (!kept) return groupAlike(pictures);
  const { isAlike, keep } = compareKept(kept);
  const groups = groupAlike(pictures, isAlike);
  keep();
  return groups;
}

/** A caption may have several lines, of which wildcards draw one. */
const withTriggers = (caption: string, trigger: string | undefined): string =>
  caption
    .split('\n')
    .map(line => withTrigger(line, trigger))
    .join('\n');

/** Measures every picture of a scan and judges the set. Nothing is changed or written. */
export async function reportDataset(request: ReportRequest): Promise<DatasetReport> {
  const { scan, batch, goal, trigger, readCaption, lookUp, captionFaults = [], kept } = request;
  const measured = await measureAll(request);
  const groups = groupsOf(measured, kept);
  const groupOf = new Map(groups.flatMap((group, g) => group.map(i => [i, g] as const)));
  const captioned: CaptionedPicture[] = measured.map(({ picture }, i) => ({
    picture,
    caption: readCaption(withTriggers(picture.caption, trigger)),
    group: groupOf.get(i) ?? i,
  }));
  const ofTrigger = triggerFindings(captioned, trigger, lookUp);
  const ofSet = setFindings(measured, groups, { goal, batch });
  const findings = [
    ...skipFindings(scan.skipped),
    ...ofSet.findings,
    ...captionFindings(captioned, scan.warnings, captionFaults, ofTrigger.facts.word ?? ''),
    ...ofTrigger.findings,
    ...pictureFindings(measured),
    ...warningFindings(scan.warnings),
  ];
  return {
    ...{ folder: scan.folder, goal, skipped: scan.skipped, ignored: scan.ignored, groups },
    pictures: measured.map((one, i) => ({
      ...one,
      caption: withTriggers(one.picture.caption, trigger),
      tokens: captioned[i].caption,
      group: captioned[i].group,
      codes: codesOf(one),
    })),
    effective: varietyOf(measured, groups),
    trigger: ofTrigger.facts,
    buckets: bucketsOf(measured),
    backgrounds: countBackgrounds(measured),
    composition: ofSet.composition,
    findings: inOrderOfWeight(findings, measured.length),
  };
}
