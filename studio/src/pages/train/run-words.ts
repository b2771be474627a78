/** @file What the held-out pictures say of a run, in words for somebody who reads no curves. */
import { bestLook, type ValidationRow } from './run-series.ts';

export interface Verdict {
  readonly tone: 'calm' | 'good' | 'warning';
  readonly title: string;
  readonly text: string;
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const looks = (count: number): string => (count === 1 ? 'one look' : `${count} looks`);

/** `0.0661`. */
const shown = (loss: number): string => loss.toPrecision(3);

export interface WordsOf {
  readonly validations: readonly ValidationRow[];
  /** Looks without a better one after which the run stops by itself; 0: never. */
  readonly patience: number;
  readonly isEnded: boolean;
}

const nothingHeldOut: Verdict = {
  tone: 'calm',
  title: 'No pictures are held out',
  text: 'Nothing measures when it begins to repeat its pictures: judge by the previews.',
};

function gettingBetter(base: ValidationRow, last: ValidationRow): Verdict {
  const fall = base.step === 0 && base.validation > 0 ? 1 - last.validation / base.validation : 0;
  const than =
    fall > 0
      ? `${percent(fall)} less wrong about them than the base model alone`
      : `at a loss of ${shown(last.validation)}`;
  return {
    tone: 'good',
    title: 'It is learning',
    text: `On pictures that it never saw it gets better: it is ${than}.`,
  };
}

function worse(best: ValidationRow, since: number, { patience, isEnded }: WordsOf): Verdict {
  const left = patience - since;
  const end =
    isEnded || patience === 0
      ? 'The one of that step is kept as the best.'
      : left > 0
        ? `That step is kept as the best; without a better one in ${looks(left)} it stops by itself.`
        : 'That step is kept as the best, and it stops now.';
  return {
    tone: 'warning',
    title: `It begins to learn its pictures by heart`,
    text: `Pictures that it never saw have got worse since step ${best.step}, while those that it trains on still get better. ${end}`,
  };
}

function notBetter(best: ValidationRow, since: number, { patience, isEnded }: WordsOf): Verdict {
  const end =
    patience > 0 && !isEnded
      ? ` After ${looks(Math.max(0, patience - since))} more like that it stops by itself.`
      : '';
  return {
    tone: 'calm',
    title: `Not better since step ${best.step}`,
    text: `${since === 1 ? 'One look' : `${since} looks`} at held-out pictures without progress; a few are usual. Step ${best.step} is kept as the best.${end}`,
  };
}

/**
 * Overfitting in words. Worse means: above the best's interval where there is one, or two looks in a row that rise;
 * what decides is the run itself, which compares picture by picture.
 */
export function verdictOf(what: WordsOf): Verdict {
  const { validations } = what;
  const [first] = validations;
  const last = validations.at(-1);
  const best = bestLook(validations);
  if (!first || !last || !best) return nothingHeldOut;
  if (validations.length === 1) {
    const text = 'They were measured once, before the first step. Their loss should fall from here.';
    return { tone: 'calm', title: 'Some pictures are held out to judge it by', text };
  }
  const since = validations.filter(({ step }) => step > best.step).length;
  if (since === 0) return gettingBetter(first, last);
  const before = validations.at(-2);
  const isAbove = best.high !== undefined && last.validation > best.high;
  const isRising =
    since >= 2 &&
    before !== undefined &&
    last.validation > before.validation &&
    before.validation > best.validation * 1.01;
  const isMuch = last.validation > best.validation * 1.03;
  return (isAbove || isRising) && isMuch && since >= 2
    ? worse(best, since, what)
    : notBetter(best, since, what);
}
