/** @file The report as plain data for `--json`, with paths below the folder. */
import { relative } from 'node:path';
import type { DatasetReport, Finding, ReportedPicture } from '../../dataset/index.ts';

/** The run that the report is for. */
export interface RunFacts {
  readonly name: string;
  readonly resolution: { readonly width: number; readonly height: number };
  readonly batch: number;
}

/** `a/b.png` below the data set's folder. */
export const nameIn = (folder: string, path: string): string => relative(folder, path) || path;

const rounded = (x: number): number => Number(x.toPrecision(4));

function pictureFacts(picture: ReportedPicture, folder: string): object {
  const { placed, scale, cutAway, file, sharpness, exposure, jpegQuality, ground } = picture;
  return {
    picture: nameIn(folder, picture.picture.path),
    width: picture.picture.width,
    height: picture.picture.height,
    repeats: picture.picture.repeats,
    ...placed,
    scale: rounded(scale),
    cutAway: rounded(cutAway),
    caption: picture.caption,
    captionSource: picture.picture.captionSource,
    tokens: picture.tokens.tokens.length,
    chunks: picture.tokens.chunks,
    captionCut: picture.tokens.cut,
    edgeWidth: sharpness.edgeWidth === undefined ? null : rounded(sharpness.edgeWidth),
    exposure,
    jpegQuality: jpegQuality ?? null,
    background: { color: ground.color.map(Math.round), share: rounded(ground.share) },
    file,
    group: picture.group,
    findings: picture.codes,
  };
}

const findingFacts = ({ pictures, ...finding }: Finding, folder: string): object => ({
  ...finding,
  pictures: pictures.map(path => nameIn(folder, path)),
});

export function datasetFacts(report: DatasetReport, run: RunFacts): object {
  const { folder, pictures, findings, groups, skipped, effective } = report;
  return {
    folder,
    run,
    goal: report.goal ?? null,
    used: pictures.length,
    different: groups.length,
    effective: effective === undefined ? null : rounded(effective),
    findings: findings.map(finding => findingFacts(finding, folder)),
    trigger: report.trigger,
    buckets: report.buckets,
    backgrounds: report.backgrounds,
    composition: report.composition ?? null,
    groups: groups
      .filter(group => group.length > 1)
      .map(group => group.map(i => nameIn(folder, pictures[i].picture.path))),
    skipped: skipped.map(skip => ({ ...skip, path: nameIn(folder, skip.path) })),
    ignored: report.ignored.map(path => nameIn(folder, path)),
    pictures: pictures.map(picture => pictureFacts(picture, folder)),
  };
}
