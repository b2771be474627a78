/**
 * @file The report as one HTML page: pictures are data URLs, there is no script, and its own content security policy
 * forbids everything else, so that a strange file name or caption can do nothing.
 */
import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { type DatasetReport, type Finding, whatToDo } from '../../dataset/index.ts';
import { version } from '../../version.ts';
import {
  blindSpots,
  bucketText,
  captionText,
  goalText,
  nameIn,
  placeText,
  type RunFacts,
  runText,
  triggerText,
} from '../../workbench/index.ts';
import { card, escaped, sprite, thumbnail } from './cards.ts';
import { styleSheet } from './style.ts';

const mostInStrip = 14;

const styleHash = createHash('sha256').update(styleSheet).digest('base64');
const policy = `default-src 'none'; img-src data:; style-src 'sha256-${styleHash}'`;

interface Shown {
  readonly report: DatasetReport;
  /** Index of a picture by its path. */
  readonly places: ReadonlyMap<string, number>;
}

/** Small pictures of those that a finding is about; files that were left out have names only. */
function strip(paths: readonly string[], { report, places }: Shown): string {
  if (paths.length === 0) return '';
  const shown = paths.slice(0, mostInStrip).map(path => {
    const i = places.get(path);
    const name = escaped(nameIn(report.folder, path));
    if (i === undefined) return `<span class="more">${name}</span>`;
    return `<a href="#p${i}" title="${name}">${thumbnail(report.pictures[i], i)}</a>`;
  });
  const more = paths.length - shown.length;
  if (more > 0) shown.push(`<span class="more">and ${more} more</span>`);
  return `<div class="strip">${shown.join('')}</div>`;
}

function toDoItem(finding: Finding, i: number, shown: Shown): string {
  const { severity, text, action = '', pictures } = finding;
  return `<li class="${severity}"><div class="n">${i + 1}</div><div><p><span class="badge ${severity}">${severity}</span> ${escaped(text)}</p>
<p class="action">${escaped(action)}</p>${strip(pictures, shown)}</div></li>`;
}

const noteItem = ({ text, pictures }: Finding, shown: Shown): string =>
  `<div class="note"><p>${escaped(text)}</p>${strip(pictures, shown)}</div>`;

const tile = (value: string | number, what: string): string =>
  `<div class="tile"><b>${value}</b><span class="faint">${escaped(what)}</span></div>`;

function tiles({ pictures, groups, skipped, effective }: DatasetReport): string {
  return [
    tile(pictures.length, pictures.length === 1 ? 'picture used' : 'pictures used'),
    tile(skipped.length, 'left out'),
    tile(groups.length, 'different'),
    tile(
      effective === undefined ? '—' : effective.toFixed(1),
      'as varied as so many that have nothing in common',
    ),
  ].join('');
}

function backgrounds({ backgrounds: all }: DatasetReport): string {
  const one = ({ name, color, pictures }: (typeof all)[number]): string =>
    `<span><svg class="swatch" viewBox="0 0 12 12" role="presentation"><rect width="12" height="12" rx="3" fill="${
      name === 'mixed' ? 'none' : color
    }" stroke="#8888"/></svg>${escaped(name)} ×${pictures}</span>`;
  return `<span class="grounds">${all.map(one).join(' ')}</span>`;
}

/** Where edges are on average: the darker, the more. */
function places({ composition }: DatasetReport): string {
  if (!composition) return '';
  const { map } = composition;
  const side = Math.sqrt(map.length);
  const cell = (value: number, k: number): string =>
    `<rect x="${k % side}" y="${Math.floor(k / side)}" width="1.02" height="1.02" fill-opacity="${value.toFixed(2)}"/>`;
  return `<svg class="places" viewBox="0 0 ${side} ${side}" role="img"><title>where edges are, on average</title>${map.map(cell).join('')}</svg>`;
}

function facts(report: DatasetReport): string {
  const rows: [label: string, html: string][] = [
    ['goal', escaped(goalText(report))],
    ['buckets', escaped(bucketText(report))],
    ['captions', escaped(captionText(report))],
    ['trigger', escaped(triggerText(report))],
    ['backgrounds', backgrounds(report)],
    ['subject', `${places(report)}${escaped(placeText(report))}`],
  ];
  return rows.map(([label, html]) => `<dt>${label}</dt><dd>${html}</dd>`).join('\n');
}

function groups(shown: Shown): string {
  const { report } = shown;
  const several = report.groups.filter(group => group.length > 1);
  if (several.length === 0) return '';
  const rows = several.map(group => {
    const paths = group.map(i => report.pictures[i].picture.path);
    const names = paths.map(path => escaped(nameIn(report.folder, path))).join(', ');
    return `<div class="note low"><p class="faint">${names}</p>${strip(paths, shown)}</div>`;
  });
  return `<h2>Nearly the same pictures</h2><div class="notes">${rows.join('\n')}</div>`;
}

function leftOut({ folder, skipped, ignored }: DatasetReport): string {
  const rows = skipped.map(
    ({ path, reason }) => `<li>${escaped(nameIn(folder, path))}: ${escaped(reason)}</li>`,
  );
  const others = ignored.map(path => escaped(nameIn(folder, path))).join(', ');
  return [
    rows.length > 0 ? `<h2>Left out</h2><ul class="plain">${rows.join('')}</ul>` : '',
    others ? `<p class="faint sub">Neither pictures nor captions: ${others}</p>` : '',
  ].join('');
}

/** The whole page; it needs no other file and runs nothing. */
export function datasetPage(report: DatasetReport, run: RunFacts): string {
  const { folder, pictures, findings } = report;
  const shown = { report, places: new Map(pictures.map(({ picture }, i) => [picture.path, i])) };
  const toDo = whatToDo(findings);
  const notes = findings.filter(finding => !toDo.includes(finding));
  const title = escaped(basename(resolve(folder)));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: data set report</title>
<style>${styleSheet}</style>
</head>
<body>
<svg class="sprites" aria-hidden="true"><defs>${pictures.map(sprite).join('\n')}</defs></svg>
<main>
<h1>${title}</h1>
<p class="faint sub">as it would be trained on ${escaped(runText(run))}</p>
<div class="tiles">${tiles(report)}</div>
<dl class="facts">${facts(report)}</dl>
<h2>${toDo.length > 0 ? 'What to do first' : 'Nothing to do: no fault was found'}</h2>
<ol class="todo">${toDo.map((finding, i) => toDoItem(finding, i, shown)).join('\n')}</ol>
${notes.length > 0 ? `<h2>Good to know</h2><div class="notes">${notes.map(one => noteItem(one, shown)).join('\n')}</div>` : ''}
${groups(shown)}
${leftOut(report)}
<h2>Pictures, with the crop as trained</h2>
<div class="cards">${pictures.map((picture, i) => card(picture, i, folder, report.groups[picture.group].length)).join('\n')}</div>
<footer>${escaped(blindSpots)} lora-studio ${version}</footer>
</main>
</body>
</html>
`;
}
