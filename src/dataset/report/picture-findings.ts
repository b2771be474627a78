/** @file Findings about single pictures: one finding a code, with all pictures that have it. */
import type { Skip } from '../findings.ts';
import { isForeignColor } from './file-facts.ts';
import { type Finding, type FindingCode, finding, type NewFinding, type Severity } from './finding.ts';
import type { MeasuredPicture } from './picture.ts';
import { thresholds } from './thresholds.ts';

interface Rule {
  readonly code: FindingCode;
  /** How bad it is, larger is worse; undefined where the picture is well. */
  readonly measure: (picture: MeasuredPicture) => number | undefined;
  readonly severity?: (worst: number) => Severity;
  readonly text: (count: number, worst: number) => string;
  readonly action?: string;
}

const are = (count: number): string => (count === 1 ? 'picture is' : 'pictures are');
const have = (count: number): string => (count === 1 ? 'picture has' : 'pictures have');
const when = (is: boolean, value: number): number | undefined => (is ? value : undefined);
const rounded = (x: number): string => String(Number(x.toPrecision(2)));

const isDark = ({ exposure }: MeasuredPicture): boolean =>
  exposure.highlights < thresholds.darkHighlights && exposure.brightest < thresholds.darkBrightest;

const rules: readonly Rule[] = [
  {
    code: 'PICTURE_BLURRED',
    measure: ({ sharpness: { edgeWidth }, scale }) =>
      // What enlarging alone explains is said of its size.
      edgeWidth === undefined
        ? undefined
        : when(edgeWidth / Math.max(1, scale) >= thresholds.edgeWidth, edgeWidth),
    text: (count, worst) =>
      `${count} ${are(count)} blurred: the sharpest edges are up to ${rounded(worst)} pixels wide at the size of the training, where sharp ones have 1 to 2. The LoRA learns the blur`,
    action: 'Leave them out, or take sharper ones.',
  },
  {
    code: 'PICTURE_ENLARGED',
    measure: ({ scale }) => when(scale >= thresholds.enlarged, scale),
    severity: worst => (worst >= thresholds.enlargedFar ? 'high' : 'medium'),
    text: (count, worst) =>
      `${count} ${are(count)} smaller than the training asks for and enlarged up to ${rounded(worst)} times: there is no detail to learn, only softness`,
    action: 'Find larger ones, train at a lower --resolution, or leave them out.',
  },
  {
    code: 'PICTURE_JPEG_DAMAGE',
    measure: ({ jpegQuality, scale }) =>
      jpegQuality === undefined
        ? undefined
        : when(jpegQuality < thresholds.jpegQuality && scale > thresholds.blocksReduced, 100 - jpegQuality),
    text: (count, worst) =>
      `${count} ${are(count)} damaged by JPEG compression (quality down to ${100 - worst}): blocks and fringes are learnt like anything else`,
    action: 'Find the originals, or use them only much reduced.',
  },
  {
    code: 'PICTURE_TOO_DARK',
    measure: picture => when(isDark(picture), 255 - picture.exposure.highlights),
    text: (count, worst) =>
      `${count} ${are(count)} too dark: hardly anything is brighter than level ${255 - worst} of 255`,
    action: 'Brighten them, or leave them out.',
  },
  {
    code: 'PICTURE_TOO_BRIGHT',
    measure: ({ exposure: { burntOut, median } }) =>
      when(burntOut >= thresholds.burntOut || median >= thresholds.brightMedian, burntOut),
    text: (count, worst) =>
      `${count} ${are(count)} too bright: up to ${Math.round(100 * worst)} % (a plain white ground left out) is burnt out to white`,
    action: 'Take other ones: what is burnt out cannot be brought back.',
  },
  {
    code: 'PICTURE_LOW_CONTRAST',
    measure: picture =>
      when(!isDark(picture) && picture.exposure.range < thresholds.fewLevels, 255 - picture.exposure.range),
    text: (count, worst) =>
      `${count} ${have(count)} little contrast: nearly all lies within ${Math.max(1, 255 - worst)} of 255 levels`,
    action: 'Raise the contrast, or leave them out.',
  },
  {
    code: 'PICTURE_CUT',
    measure: ({ cutAway }) => when(cutAway >= thresholds.cutAway, cutAway),
    text: (count, worst) =>
      `${count} ${are(count)} cut by up to ${Math.round(100 * worst)} % to fit a bucket: heads or hands may be gone`,
    action: 'Look at the crops in the HTML report, and cut the pictures yourself where they are wrong.',
  },
  {
    code: 'PICTURE_TURNED',
    measure: ({ file: { orientation } }) => when(orientation > 1, orientation),
    text: count =>
      `${count} ${are(count)} stored turned and shown and trained upright, as the EXIF data says`,
  },
  {
    code: 'PICTURE_HAS_PLACE',
    measure: ({ file: { hasPlace } }) => when(hasPlace, 1),
    text: count =>
      `${count} ${have(count)} the place where it was taken in the file (EXIF GPS). Training does not read it; remove it before you share the pictures`,
  },
  {
    code: 'PICTURE_TRANSPARENT',
    measure: ({ file: { transparent } }) => when(transparent >= thresholds.transparent, transparent),
    text: (count, worst) =>
      `${count} ${have(count)} transparent parts (up to ${Math.round(100 * worst)} %), which are trained as white`,
  },
  {
    code: 'PICTURE_COLOR_PROFILE',
    measure: ({ file }) => when(isForeignColor(file), 1),
    text: count =>
      `${count} ${have(count)} a colour profile or space other than sRGB, which is converted to sRGB`,
  },
];

/** What the rules say of one picture. */
export const codesOf = (picture: MeasuredPicture): FindingCode[] =>
  rules.filter(({ measure }) => measure(picture) !== undefined).map(({ code }) => code);

function applyRule(
  { code, measure, severity, text, action }: Rule,
  pictures: readonly MeasuredPicture[],
): Finding[] {
  const hits = pictures
    .map(picture => ({ path: picture.picture.path, amount: measure(picture) }))
    .filter((hit): hit is { path: string; amount: number } => hit.amount !== undefined);
  if (hits.length === 0) return [];
  const worst = Math.max(...hits.map(({ amount }) => amount));
  const found: NewFinding = {
    code,
    pictures: hits.toSorted((a, b) => b.amount - a.amount).map(({ path }) => path),
    numbers: { count: hits.length, worst },
    text: `${text(hits.length, worst)}.`,
    ...(action === undefined ? {} : { action }),
    ...(severity === undefined ? {} : { severity: severity(worst) }),
  };
  return [finding(found)];
}

export const pictureFindings = (pictures: readonly MeasuredPicture[]): Finding[] =>
  rules.flatMap(rule => applyRule(rule, pictures));

/** What to do about files that the scan leaves out, by its codes. */
const skipActions: Readonly<Record<string, { readonly action?: string; readonly severity: Severity }>> = {
  PICTURE_TOO_SMALL: { severity: 'medium', action: 'Find larger ones, or remove the files.' },
  PICTURE_TOO_LARGE: { severity: 'medium', action: 'Reduce them, or remove the files.' },
  PICTURE_FORMAT_UNSUPPORTED: { severity: 'high', action: 'Save them as PNG or JPEG.' },
  PICTURE_NO_REPEATS: { severity: 'note' },
  FOLDER_SEEN: { severity: 'note' },
  FILE_UNREADABLE: { severity: 'high', action: 'Check the permissions.' },
};
const otherSkip = { severity: 'high', action: 'Mend or replace the files.' } as const;

/** One finding for each reason for which files are left out. */
export function skipFindings(skipped: readonly Skip[]): Finding[] {
  const byCode = Map.groupBy(skipped, ({ code }) => code);
  return [...byCode].map(([code, skips]) => {
    const reasons = [...new Set(skips.map(({ reason }) => reason))];
    const more = reasons.length > 1 ? ' and the like' : '';
    return finding({
      code: 'PICTURE_NOT_USED',
      pictures: skips.map(({ path }) => path),
      numbers: { count: skips.length },
      text: `${skips.length} ${skips.length === 1 ? 'file is' : 'files are'} not trained on: ${reasons[0]}${more}.`,
      ...(skipActions[code] ?? otherSkip),
    });
  });
}
