/**
 * @file How many steps a small set wants: short runs, each without other pictures, are measured on what they did not
 * see; the number of steps that was best for what was left out is then taken for all pictures (cross-validation).
 */
import { randomStream } from '../../engine/index.ts';
import { LoraError, usageError } from '../../errors.ts';
import type { Look } from './look.ts';
import { meanInterval, meanOf, pairedInterval } from './statistics.ts';

/** One of the short runs; indices of pictures. */
export interface Fold {
  readonly training: readonly number[];
  /** One of each group of alike pictures that are left out. */
  readonly heldOut: readonly number[];
}

interface FoldOptions {
  readonly seed: number;
  /** How many runs. */
  readonly folds: number;
  /** Pictures that every run is trained on: regularisation. */
  readonly always?: ReadonlySet<number>;
}

/**
 * Deals groups of alike pictures to folds of about the same size. Each group is left out of exactly one run. Throws
 * LEAVE_OUT_INVALID for one fold, or for more than there are different pictures.
 */
export function planFolds(
  groups: readonly (readonly number[])[],
  { seed, folds, always = new Set() }: FoldOptions,
): Fold[] {
  const free = groups.filter(members => members.every(index => !always.has(index)));
  if (folds < 2 || folds > free.length) {
    const message = `leaveOut ${folds}: with ${free.length} different pictures, 2 to ${free.length} runs are possible`;
    throw usageError(
      'LEAVE_OUT_INVALID',
      free.length < 2 ? `leaveOut ${folds}: there are not two different pictures` : message,
    );
  }
  const order = randomStream(seed, 'leave out').permutation(free.length);
  const dealt = order.map(i => free[i]).sort((a, b) => b.length - a.length);
  const left: (readonly number[])[][] = Array.from({ length: folds }, () => []);
  const sizeOf = (fold: readonly (readonly number[])[]): number => fold.flat().length;
  for (const group of dealt) left.reduce((a, b) => (sizeOf(b) < sizeOf(a) ? b : a)).push(group);
  return left.map(own => {
    const out = new Set(own.flat());
    return {
      training: groups
        .flat()
        .filter(index => !out.has(index))
        .sort((a, b) => a - b),
      heldOut: own.map(([first]) => first).sort((a, b) => a - b),
    };
  });
}

export interface LeaveOutCost {
  readonly runs: number;
  readonly stepsPerRun: number;
  readonly looks: number;
  /** Pictures through the UNet, forward only, in all looks of all runs. */
  readonly passes: number;
  /** The work of all that, the run itself being 1; a forward pass is a third of one that trains. */
  readonly timesRun: number;
  /** For the user, before it starts. */
  readonly sentence: string;
}

export interface LeaveOutSource {
  readonly folds: readonly Fold[];
  /** Most steps that the run with all pictures may have. */
  readonly steps: number;
  /** Looks that each run makes after the one at its start. */
  readonly looks: number;
  /** Batches that show these pictures as often as they repeat. */
  readonly batchesPerEpoch: (pictures: readonly number[]) => number;
}

/** How many epochs' length the run with all pictures has for one of the short ones. */
function stretchOf({ folds, batchesPerEpoch }: LeaveOutSource): number {
  const all = [...new Set(folds.flatMap(({ training }) => training))];
  return batchesPerEpoch(all) / meanOf(folds.map(({ training }) => batchesPerEpoch(training)));
}

const shortSteps = (source: LeaveOutSource): number =>
  Math.max(1, Math.floor(source.steps / stretchOf(source)));

/** The steps at which every short run looks, 0 first. */
export function lookSteps(source: LeaveOutSource): number[] {
  const steps = shortSteps(source);
  const count = Math.min(source.looks, steps);
  return Array.from({ length: count + 1 }, (_, i) => Math.round((i * steps) / count));
}

/** What leaving out costs, told before it starts; `draws` a picture and look, `batch` pictures a step. */
export function leaveOutCost(
  source: LeaveOutSource,
  { draws, batch }: { draws: number; batch: number },
): LeaveOutCost {
  const { folds, steps } = source;
  const looks = lookSteps(source).length;
  const stepsPerRun = shortSteps(source);
  const passes = folds.reduce((sum, { heldOut }) => sum + heldOut.length * draws * looks, 0);
  const timesRun = (folds.length * stepsPerRun + passes / 3 / batch) / steps;
  const sentence =
    `to find the number of steps, ${folds.length} runs of ${stepsPerRun} steps go first, with ${looks} looks each ` +
    `(${passes} forward passes in all): about ${timesRun.toFixed(1)} times the work of a run of ${steps} steps`;
  return { runs: folds.length, stepsPerRun, looks, passes, timesRun, sentence };
}

/** One short run: the looks at `lookSteps`, each with the losses of `fold.heldOut` in order. */
export type RunOnce = (fold: Fold, lookSteps: readonly number[]) => Promise<readonly Look[]>;

/** The curve of what was left out, over all pictures. */
export interface BandPoint {
  readonly step: number;
  readonly loss: number;
  /** 95 % interval over pictures. */
  readonly low: number;
  readonly high: number;
}

export interface FoundSteps {
  /** For the run with all pictures; it keeps the schedule of the steps that were planned and ends here. 0: do not train. */
  readonly steps: number;
  /** What the short runs say: where the mean is lowest, and the earliest that is as good as that. */
  readonly lowestAt: number;
  readonly chosenAt: number;
  readonly band: readonly BandPoint[];
  /** One sentence for the user. */
  readonly reason: string;
}

/** Loss of each left-out picture at each look: [look][picture]. */
function curvesOf(runs: readonly (readonly Look[])[], steps: readonly number[]): number[][] {
  return steps.map((step, i) =>
    runs.flatMap(looks => {
      if (looks[i]?.step !== step || looks.length !== steps.length)
        throw new LoraError('LEAVE_OUT_INCOMPLETE', `a short run has no look at step ${step}`);
      return [...looks[i].pictures];
    }),
  );
}

/**
 * The earliest look within one standard error of the lowest mean (Breiman et al. 1984, §3.4.3). The error is that of
 * paired differences to the lowest: pictures differ far more from each other than one look does from the next.
 */
function earliestAsGood(curves: readonly (readonly number[])[]): { lowest: number; chosen: number } {
  const means = curves.map(meanOf);
  const lowest = means.indexOf(Math.min(...means));
  const chosen = curves.findIndex((curve, i) => {
    if (i >= lowest) return true;
    const { mean, error } = pairedInterval(curve, curves[lowest]);
    return Number.isFinite(error) && mean <= error;
  });
  return { lowest, chosen };
}

/**
 * Runs all folds one after the other and chooses. The number is stretched to the run with all pictures so that each
 * picture is seen as often: what overfits is how often a picture was seen, and more pictures make longer epochs.
 */
export async function findSteps(
  source: LeaveOutSource,
  runOnce: RunOnce,
  onFold: (done: number, all: number) => void = () => undefined,
): Promise<FoundSteps> {
  const { folds } = source;
  const at = lookSteps(source);
  const runs: (readonly Look[])[] = [];
  for (const fold of folds) {
    runs.push(await runOnce(fold, at));
    onFold(runs.length, folds.length);
  }
  const curves = curvesOf(runs, at);
  const { lowest, chosen } = earliestAsGood(curves);
  const stretch = stretchOf(source);
  const steps = Math.min(source.steps, Math.round(at[chosen] * stretch));
  const band = curves.map((curve, i): BandPoint => {
    const { mean, low, high } = meanInterval(curve);
    return { step: at[i], loss: mean, ...(Number.isFinite(low) ? { low, high } : { low: mean, high: mean }) };
  });
  return { steps, lowestAt: at[lowest], chosenAt: at[chosen], band, reason: reasonOf() };

  function reasonOf(): string {
    const n = curves[0].length;
    if (at[chosen] === 0)
      return `training helped on none of ${n} left-out pictures beyond chance: these pictures have too little in common, or the rate is too high`;
    const found = `on ${n} left-out pictures the loss was lowest after ${at[lowest]} steps`;
    const asGood = chosen === lowest ? '' : `, and within one standard error of it after ${at[chosen]}`;
    const more = stretch === 1 ? '' : `, which is ${steps} with all pictures, each seen as often`;
    const end = lowest === at.length - 1 ? '; it was still falling: more steps may be better' : '';
    return `${found}${asGood}${more}${end}`;
  }
}
