/** @file When a run stops: the rules, as functions of the looks so far. */
import { bestLook, type Look } from './look.ts';
import { type Interval, pairedInterval } from './statistics.ts';

export interface Decision {
  readonly go: 'on' | 'stop';
  /** One sentence for the user. */
  readonly reason: string;
  readonly best: Look | undefined;
}

export interface StoppingRule {
  /** Looks without a new best after which the run stops; 0 = it never stops. */
  readonly patience: number;
}

/** In the first looks a LoRA may be worse before it is better: no stop before so many, the one at the base included. */
const fewestLooks = 4;

/** So many looks in a row must be worse than the best beyond what chance explains. */
const clearLooks = 3;

/** How much worse a look is than another, picture by picture, with its 95 % interval. */
export const worseBy = (look: Look, than: Look): Interval => pairedInterval(look.pictures, than.pictures);

const show = (loss: number): string => loss.toPrecision(4);

const pictures = (count: number): string => (count === 1 ? 'one picture' : `${count} pictures`);

/** Whether the last looks are all worse than the best beyond doubt: the lower end of each difference is above 0. */
function clearlyWorse(best: Look, later: readonly Look[]): Interval | undefined {
  if (later.length < clearLooks) return undefined;
  const differences = later.slice(-clearLooks).map(look => worseBy(look, best));
  return differences.every(({ low }) => low > 0) ? differences.at(-1) : undefined;
}

/**
 * Decides after a look. The best is the one with the lowest mean, by however little: all looks see the same pictures,
 * timesteps and noises, so chance is in none of them and not in the other, and a threshold of noise would keep an early
 * look while many small steps make a large one. The run stops after `patience` looks without a new best, or earlier
 * when three in a row are worse than the best by a paired difference whose 95 % interval is above 0.
 */
export function decide(looks: readonly Look[], { patience }: StoppingRule): Decision {
  const best = bestLook(looks);
  const last = looks.at(-1);
  if (!best || !last) return { go: 'on', reason: 'nothing has been measured yet', best };
  const later = looks.slice(looks.indexOf(best) + 1);
  const lowest = `the held-out loss was lowest at step ${best.step} (${show(best.loss)})`;
  if (later.length === 0)
    return { go: 'on', reason: `the held-out loss is lower than ever: ${show(best.loss)}`, best };
  const since = later.length === 1 ? 'one look' : `${later.length} looks`;
  const on = { go: 'on' as const, reason: `${lowest}; ${since} since without a better one`, best };
  if (patience === 0 || looks.length < fewestLooks) return on;
  const clear = clearlyWorse(best, later);
  if (clear) {
    const over = `${show(clear.mean)} above it, at least ${show(clear.low)} with 95 % confidence over ${pictures(clear.n)}`;
    const reason = `${lowest}; it has been above that beyond doubt for ${clearLooks} looks (now ${over})`;
    return { go: 'stop', reason, best };
  }
  if (later.length < patience) return on;
  return {
    go: 'stop',
    reason: `${lowest}; ${since} since without a better one, now ${show(last.loss)}`,
    best,
  };
}

/** What the looks of a finished run say, for its end. */
export function sumUp(looks: readonly Look[]): string | undefined {
  const [first] = looks;
  const best = bestLook(looks);
  if (!first || !best || first.step !== 0) return undefined;
  const n = pictures(best.pictures.length);
  if (best === first)
    return `no look was better than the base: training did not help on the ${n} that it did not see`;
  const { mean, low, high } = worseBy(best, first);
  const percent = (difference: number): string => `${((-100 * difference) / first.loss).toFixed(1)} %`;
  const sure = Number.isFinite(low)
    ? ` (95 %: ${percent(high)} to ${percent(low)}, over ${n})`
    : ` (over ${n})`;
  return `the held-out loss was lowest at step ${best.step}: ${percent(mean)} below the base${sure}`;
}
