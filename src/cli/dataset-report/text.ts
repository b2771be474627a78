/** @file What `lora dataset report` found, in lines for people. */
import { type DatasetReport, type Finding, type ReportedPicture, whatToDo } from '../../dataset/index.ts';
import {
  backgroundText,
  blindSpots,
  bucketText,
  captionText,
  countText,
  field,
  goalText,
  nameIn,
  number,
  oneLine,
  placeText,
  type RunFacts,
  runText,
  table,
  tail,
  triggerText,
  wrap,
} from '../../workbench/index.ts';

/** A name on one line; marks that turn the direction of writing would turn the rest of the line too. */
const printed = (name: string): string => oneLine(name).replace(/[\u202a-\u202e\u2066-\u2069]/g, '');

const most = { names: 6, skipped: 12, ignored: 5, pictures: 200 } as const;

function names(paths: readonly string[], folder: string): string {
  const shown = paths.slice(0, most.names).map(path => printed(nameIn(folder, path)));
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : '';
  return shown.join(', ') + more;
}

const indented = (text: string, indent: number): string[] =>
  wrap(text, 100 - indent).map(line => ' '.repeat(indent) + line);

function toDoLines(finding: Finding, i: number, folder: string): string[] {
  const [first, ...rest] = indented(finding.text, 14);
  const head = `${String(i + 1).padStart(4)}. ${finding.severity.toUpperCase().padEnd(8)}`;
  return [
    head + first.slice(14),
    ...rest,
    ...(finding.action ? indented(`→ ${finding.action}`, 14) : []),
    ...(finding.pictures.length > 0 ? indented(names(finding.pictures, folder), 14) : []),
  ];
}

function noteLines(finding: Finding, folder: string): string[] {
  const [first, ...rest] = indented(finding.text, 4);
  const who = finding.pictures.length > 0 ? indented(names(finding.pictures, folder), 4) : [];
  return [`  - ${first.slice(4)}`, ...rest, ...who];
}

function groupLines({ groups, pictures, folder }: DatasetReport): string[] {
  const several = groups.filter(group => group.length > 1);
  if (several.length === 0) return [];
  return [
    '',
    'Nearly the same pictures',
    ...several.flatMap(group =>
      indented(
        `- ${names(
          group.map(i => pictures[i].picture.path),
          folder,
        )}`,
        2,
      ),
    ),
  ];
}

const size = ({ width, height }: { width: number; height: number }): string => `${width}x${height}`;

function pictureRow(picture: ReportedPicture, folder: string): string[] {
  const { placed, scale, cutAway, sharpness, exposure, jpegQuality, tokens, codes } = picture;
  const short = codes.map(code => code.replace('PICTURE_', '').toLowerCase().replaceAll('_', ' '));
  if (tokens.cut !== '') short.push('caption cut');
  return [
    tail(printed(nameIn(folder, picture.picture.path)), 30),
    size(picture.picture),
    size(placed.bucket),
    `×${number(scale)}`,
    cutAway < 0.005 ? '—' : `${Math.round(100 * cutAway)} %`,
    sharpness.edgeWidth === undefined ? '—' : sharpness.edgeWidth.toFixed(1),
    `${exposure.shadows}–${exposure.highlights}`,
    jpegQuality === undefined ? '—' : String(jpegQuality),
    String(tokens.tokens.length),
    short.join(', '),
  ];
}

function pictureLines({ pictures, folder }: DatasetReport): string[] {
  const head = ['picture', 'size', 'bucket', 'scale', 'cut', 'edge', 'levels', 'jpeg', 'tokens', ''];
  const shown = pictures.slice(0, most.pictures).map(picture => pictureRow(picture, folder));
  const more =
    pictures.length > shown.length ? [`  and ${pictures.length - shown.length} more; --json has all`] : [];
  return ['', 'Pictures', ...table([head, ...shown], [3, 4, 5, 6, 7, 8]).map(line => `  ${line}`), ...more];
}

function skippedLines({ skipped, ignored, folder }: DatasetReport): string[] {
  const shown = skipped
    .slice(0, most.skipped)
    .map(({ path, reason }) => `${printed(nameIn(folder, path))}: ${reason}`);
  if (skipped.length > shown.length) shown.push(`and ${skipped.length - shown.length} more`);
  return [
    ...(shown.length > 0 ? ['', 'Left out', ...shown.flatMap(line => indented(line, 2))] : []),
    ...(ignored.length > 0 ? ['', `Neither pictures nor captions: ${names(ignored, folder)}`] : []),
  ];
}

export function describeDataset(report: DatasetReport, run: RunFacts): string {
  const { folder, findings } = report;
  const toDo = whatToDo(findings);
  const notes = findings.filter(finding => !toDo.includes(finding));
  return [
    `${oneLine(folder)}, as it would be trained on ${runText(run)}`,
    ...field('pictures', countText(report)),
    ...field('goal', goalText(report)),
    ...field('buckets', bucketText(report)),
    ...field('captions', captionText(report)),
    ...field('trigger', triggerText(report)),
    ...field('background', backgroundText(report)),
    ...field('subject', placeText(report)),
    '',
    toDo.length > 0 ? 'What to do first' : 'Nothing to do: no fault was found.',
    ...toDo.flatMap((finding, i) => toDoLines(finding, i, folder)),
    ...(notes.length > 0
      ? ['', 'Good to know', ...notes.flatMap(finding => noteLines(finding, folder))]
      : []),
    ...groupLines(report),
    ...skippedLines(report),
    ...pictureLines(report),
    '',
    ...wrap(blindSpots, 100),
  ].join('\n');
}
