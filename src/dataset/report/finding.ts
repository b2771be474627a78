/** @file Findings as data: a stable code, how much it matters, pictures, numbers, a sentence and what to do. */

/** `note`: good to know, nothing to do. */
export type Severity = 'high' | 'medium' | 'low' | 'note';

interface Row {
  readonly severity: Severity;
  /** Order among those of the same severity, larger first: how much of the result it spoils, by experience of trainers. */
  readonly weight: number;
}

const row = (severity: Severity, weight: number): Row => ({ severity, weight });

/** Every code that a report can give, what it weighs. Text comes with the finding. */
export const findingRows = {
  /** `lora train` stops at it. */
  CAPTION_UNUSABLE: row('high', 100),
  ONE_PICTURE: row('high', 95),
  PICTURE_NOT_USED: row('high', 90),
  SAME_PICTURES: row('high', 80),
  BACKGROUND_ALIKE: row('high', 75),
  CAPTION_MISSING: row('high', 70),
  CAPTION_EMPTY: row('high', 68),
  TRIGGER_MISSING: row('high', 66),
  TRIGGER_KNOWN: row('medium', 64),
  WORD_IN_MOST: row('medium', 60),
  PICTURE_BLURRED: row('medium', 58),
  PICTURE_ENLARGED: row('medium', 56),
  PICTURE_JPEG_DAMAGE: row('medium', 54),
  PICTURE_TOO_DARK: row('medium', 50),
  PICTURE_TOO_BRIGHT: row('medium', 50),
  TOO_FEW_PICTURES: row('medium', 48),
  CAPTION_TRUNCATED: row('medium', 45),
  CAPTIONS_EQUAL: row('medium', 44),
  PICTURE_CUT: row('low', 40),
  PICTURE_LOW_CONTRAST: row('low', 36),
  COMPOSITION_ALIKE: row('low', 34),
  BUCKET_SMALLER_THAN_BATCH: row('low', 20),
  SCAN_WARNING: row('low', 10),
  PICTURE_TURNED: row('note', 9),
  PICTURE_HAS_PLACE: row('note', 8),
  PICTURE_TRANSPARENT: row('note', 7),
  PICTURE_COLOR_PROFILE: row('note', 6),
  TRIGGER_GUESSED: row('note', 5),
  WORD_IN_ALL: row('note', 4),
} as const satisfies Record<string, Row>;

export type FindingCode = keyof typeof findingRows;

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** Paths as the scan gives them; of a set's finding those that it is about. */
  readonly pictures: readonly string[];
  readonly numbers: Readonly<Record<string, number>>;
  /** What is so, and why it matters. */
  readonly text: string;
  /** What to do about it; undefined for notes. */
  readonly action?: string;
}

export interface NewFinding extends Omit<Finding, 'severity' | 'numbers'> {
  readonly severity?: Severity;
  readonly numbers?: Readonly<Record<string, number>>;
}

export const finding = ({ severity, numbers, ...rest }: NewFinding): Finding => ({
  ...rest,
  severity: severity ?? findingRows[rest.code].severity,
  numbers: numbers ?? {},
});

const severities: readonly Severity[] = ['high', 'medium', 'low', 'note'];

/** What a code weighs unless its finding says otherwise. */
export const severityOf = (code: FindingCode): Severity => findingRows[code].severity;

/** By severity, then by weight and by the share of the set that it is about. */
export function inOrderOfWeight(findings: readonly Finding[], pictures: number): Finding[] {
  const rank = ({ severity }: Finding): number => severities.indexOf(severity);
  const weight = (one: Finding): number =>
    findingRows[one.code].weight + 15 * Math.min(1, one.pictures.length / Math.max(1, pictures));
  return findings.toSorted((a, b) => rank(a) - rank(b) || weight(b) - weight(a));
}

/** The list "what to do first". */
export const whatToDo = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ severity, action }) => severity !== 'note' && action !== undefined);
