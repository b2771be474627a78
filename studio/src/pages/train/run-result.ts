/** @file What a finished run says of itself. */
import type { ApiWholeJob } from '../../../../src/server/api-types.ts';

export interface AfterFinding {
  readonly level: 'refused' | 'warning' | 'note';
  readonly code: string;
  readonly text: string;
}

export interface RunResult {
  readonly steps?: number | null | undefined;
  readonly loss?: number | null | undefined;
  readonly best?: { readonly step: number; readonly loss: number } | null | undefined;
  readonly bestFile?: string | null | undefined;
  readonly seconds?: number | undefined;
  readonly memory?: number | undefined;
  /** Why it ended early. */
  readonly stopped?: string | null | undefined;
  /** What held-out pictures say in the end. */
  readonly verdict?: string | null | undefined;
  readonly heldOut?: number | undefined;
  readonly examined?: {
    readonly verdict: 'healthy' | 'inert' | 'leaking' | 'drifting' | 'refused';
    readonly findings: readonly AfterFinding[];
  } | null;
  readonly recipe?: Readonly<Record<string, unknown>> | null | undefined;
}

export const resultOf = ({ result }: Pick<ApiWholeJob, 'result'>): RunResult | undefined =>
  typeof result === 'object' && result !== null ? (result as RunResult) : undefined;

type Verdict = NonNullable<RunResult['examined']>['verdict'];

/** The examination in words for somebody who trained for the first time. */
export const examinedWords: Readonly<
  Record<Verdict, { readonly title: string; readonly text: string; readonly isGood: boolean }>
> = {
  healthy: {
    ...{ title: 'Examined: healthy', isGood: true },
    text: 'It acts where its trigger word is, and leaves other prompts alone.',
  },
  inert: {
    ...{ title: 'Examined: it does nothing', isGood: false },
    text: 'Pictures with it are as without. Train longer, or at a higher rate.',
  },
  leaking: {
    ...{ title: 'Examined: it acts without its trigger word', isGood: false },
    text: 'Prompts that do not name it are changed too. Captions that say what should stay free help, or prior preservation.',
  },
  drifting: {
    ...{ title: 'Examined: it changes other prompts too', isGood: false },
    text: 'What the model draws without the trigger word has moved. Use it at a strength below 1, train fewer steps, or with prior preservation.',
  },
  refused: {
    ...{ title: 'Examined: broken', isGood: false },
    text: 'There are numbers in it that are none. Halve the rate and train again.',
  },
};

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** Pictures below which an interval is so wide that it says nothing. */
const fewPictures = 4;

/** `54.6 % below the base (95 %: 4.0 % to 105.3 %, over 2 pictures)` → `… (over 2 pictures)`. */
const withoutWideInterval = (text: string): string =>
  text.replace(/\(95 %: [^()]*?, (over (\d+) pictures?)\)/g, (whole, over: string, pictures: string) =>
    Number(pictures) < fewPictures ? `(${over})` : whole,
  );

/** What was measured, in sentences: of held-out pictures, and of the examination. */
export function figuresOf({ verdict, examined }: RunResult): string[] {
  const findings = (examined?.findings ?? []).filter(({ code }) => code !== 'NO_CLASS');
  return [...(verdict ? [sentence(withoutWideInterval(verdict))] : []), ...findings.map(({ text }) => text)];
}
