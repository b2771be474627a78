/** @file The dataset report as the page shows it: what to do first, crops over pictures, numbers of the set. */
import { withoutFlags } from './without-flags.ts';

export type Severity = 'high' | 'medium' | 'low' | 'note';

export interface ReportFinding {
  readonly code: string;
  readonly severity: Severity;
  /** Names of pictures. */
  readonly pictures: readonly string[];
  readonly text: string;
  readonly action?: string | undefined;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface ReportPicture {
  readonly picture: string;
  readonly width: number;
  readonly height: number;
  readonly bucket: Size;
  /** Of the whole picture after scaling. */
  readonly resized: Size;
  /** Corner of the bucket in it. */
  readonly crop: { readonly left: number; readonly top: number };
  readonly scale: number;
  readonly cutAway: number;
  readonly caption: string;
  readonly tokens: number;
  readonly captionCut: string;
  readonly group: number;
  readonly findings: readonly string[];
}

export interface ReportTrigger {
  readonly word?: string | undefined;
  readonly source?: string | undefined;
  /** Captions that have it, of how many. */
  readonly present: number;
  readonly of: number;
  readonly tokens: number;
}

/** What the job `dataset-report` answers, as far as the page looks at it. */
export interface DatasetReport {
  readonly goal?: string | null | undefined;
  readonly used: number;
  readonly different: number;
  readonly effective: number | null;
  readonly findings: readonly ReportFinding[];
  readonly trigger: ReportTrigger;
  readonly buckets: readonly (Size & { readonly pictures: number; readonly shown: number })[];
  readonly backgrounds: readonly {
    readonly name: string;
    readonly color: string;
    readonly pictures: number;
  }[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly pictures: readonly ReportPicture[];
}

const asShown = ({ action, ...finding }: ReportFinding): ReportFinding => ({
  ...{ ...finding, text: withoutFlags(finding.text) },
  ...(action ? { action: withoutFlags(action) } : {}),
});

/** The report of an ended job; undefined for anything else. */
export function reportOf(result: unknown): DatasetReport | undefined {
  const report = (result as { report?: unknown } | undefined)?.report ?? result;
  const { pictures, findings } = (report ?? {}) as Partial<DatasetReport>;
  if (!Array.isArray(pictures) || !Array.isArray(findings)) return undefined;
  return { ...(report as DatasetReport), findings: findings.map(asShown) };
}

/** What has to be done, and what is good to know. */
export function splitFindings(findings: readonly ReportFinding[]): {
  readonly toDo: readonly ReportFinding[];
  readonly notes: readonly ReportFinding[];
} {
  const isToDo = ({ severity, action }: ReportFinding): boolean =>
    severity !== 'note' && action !== undefined;
  return { toDo: findings.filter(isToDo), notes: findings.filter(finding => !isToDo(finding)) };
}

/** In percent of the picture's sides. */
export interface CropBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What of the picture is trained; undefined where (nearly) all is. */
export function cropBox({ bucket, resized, crop, cutAway }: ReportPicture): CropBox | undefined {
  if (cutAway < 0.002) return undefined;
  return {
    left: (100 * crop.left) / resized.width,
    top: (100 * crop.top) / resized.height,
    width: (100 * bucket.width) / resized.width,
    height: (100 * bucket.height) / resized.height,
  };
}

/** `enlarged ×2.1`, `9 % cut off` … in the report's words. */
export function cropWords({ width, height, bucket, scale, cutAway, tokens }: ReportPicture): string {
  const size = `${width}×${height} → ${bucket.width}×${bucket.height}`;
  const times = (x: number): string => Number(x.toPrecision(2)).toString();
  const scaled =
    scale > 1.005 ? `enlarged ×${times(scale)}` : scale < 0.995 ? `reduced ×${times(scale)}` : 'as it is';
  const cut =
    cutAway < 0.002 ? 'nothing cut off' : `${(100 * cutAway).toFixed(cutAway < 0.1 ? 1 : 0)} % cut off`;
  return [size, scaled, cut, `${tokens} ${tokens === 1 ? 'token' : 'tokens'}`].join(' · ');
}

/** Words for the codes that a single picture can have. */
const shortNames: Readonly<Record<string, string>> = {
  PICTURE_BLURRED: 'blurred',
  PICTURE_ENLARGED: 'enlarged',
  PICTURE_JPEG_DAMAGE: 'JPEG damage',
  PICTURE_TOO_DARK: 'too dark',
  PICTURE_TOO_BRIGHT: 'too bright',
  PICTURE_LOW_CONTRAST: 'low contrast',
  PICTURE_CUT: 'much cut off',
  PICTURE_TURNED: 'turned upright',
  PICTURE_HAS_PLACE: 'GPS place in file',
  PICTURE_TRANSPARENT: 'transparency on white',
  PICTURE_COLOR_PROFILE: 'colours converted',
  PICTURE_NOT_USED: 'not used',
  SAME_PICTURES: 'copy',
  CAPTION_MISSING: 'no caption',
  CAPTION_EMPTY: 'empty caption',
  CAPTION_TRUNCATED: 'caption cut off',
  CAPTION_UNUSABLE: 'caption unusable',
  CAPTIONS_EQUAL: 'same caption',
  TRIGGER_MISSING: 'no trigger word',
};

/** Findings that nearly all pictures share say nothing of one of them. */
const ofTheSet = new Set([
  ...['BACKGROUND_ALIKE', 'COMPOSITION_ALIKE', 'WORD_IN_MOST', 'WORD_IN_ALL'],
  ...['TOO_FEW_PICTURES', 'ONE_PICTURE', 'TRIGGER_KNOWN', 'TRIGGER_GUESSED'],
]);

export interface Badge {
  readonly code: string;
  readonly severity: Severity;
  readonly text: string;
}

/** Of every picture by name, what is said of it, the worst first. */
export function badgesOf(findings: readonly ReportFinding[]): Map<string, Badge[]> {
  const badges = new Map<string, Badge[]>();
  for (const { code, severity, pictures } of findings) {
    if (ofTheSet.has(code)) continue;
    const badge = { code, severity, text: shortNames[code] ?? code.toLowerCase().replaceAll('_', ' ') };
    for (const name of pictures) badges.set(name, [...(badges.get(name) ?? []), badge]);
  }
  return badges;
}

/** A title for a finding, for lists and filters. */
export function findingTitle(code: string): string {
  const text =
    shortNames[code] ??
    code
      .toLowerCase()
      .replace(/^picture_/, '')
      .replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The findings that are about the trigger word. */
export const triggerFindings = (findings: readonly ReportFinding[]): ReportFinding[] =>
  findings.filter(({ code }) => code.startsWith('TRIGGER_'));
