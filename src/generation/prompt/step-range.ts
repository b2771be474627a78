/** @file The steps in which a LoRA is on, as LoRA Block Weight's `start=`, `stop=` and `step=` say it. */
import { usageError } from '../../errors.ts';

export interface StepRange {
  /** The first step with it, counted from 0. */
  readonly from: number;
  /** The first step without it again. */
  readonly to: number;
}

const hint = 'Write a whole number of steps (start=5), or with a point a share of them (stop=0.5).';
const written = /^(?:\d+|\d+\.\d*|\.\d+)$/;

const invalid = (message: string, better = hint): Error => usageError('LORA_STEP_RANGE', message, better);

function stepOf(text: string, name: string, steps: number): number {
  if (!written.test(text)) throw invalid(`${name}=${text} is neither a step nor a share of the steps`);
  const value = Number(text);
  if (!text.includes('.')) return value;
  if (value > 1) throw invalid(`${name}=${text} is a share of the steps, so at most 1.0`);
  // As prompts that change on the way: [from:to:0.5] changes after half of the steps, rounded down.
  return Math.floor(value * steps);
}

/** Throws LORA_STEP_RANGE for what is wrong whatever the number of steps. */
export function checkStepRange(start: string | undefined, stop: string | undefined): void {
  for (const [name, text] of [['start', start] as const, ['stop', stop] as const])
    if (text !== undefined) stepOf(text, name, 1);
}

/**
 * `start=5` leaves the first five steps without it, `stop=10` gives it to the first ten; a number with a point is a
 * share of `steps`. Without a stop there is no end: some samplers take a step more than they are asked for. Throws
 * LORA_STEP_RANGE where no step is left.
 */
export function stepRange(
  start: string | undefined,
  stop: string | undefined,
  steps: number,
  name?: string,
): StepRange {
  const from = start === undefined ? 0 : stepOf(start, 'start', steps);
  const to = stop === undefined ? Number.POSITIVE_INFINITY : stepOf(stop, 'stop', steps);
  if (from < Math.min(to, steps)) return { from, to };
  const shown = [start === undefined ? '' : `start=${start}`, stop === undefined ? '' : `stop=${stop}`];
  const range = shown.filter(text => text !== '').join(' and ');
  throw invalid(
    `${name === undefined ? '' : `${name}: `}${range} leave none of the ${steps} steps`,
    `Steps count from 0 to ${steps - 1}; stop is the first without it.`,
  );
}

/** `step=5-10` as start and stop. */
export function splitSteps(text: string): [start: string, stop: string] {
  const parts = text.split('-').map(part => part.trim());
  if (parts.length !== 2 || !parts.every(part => written.test(part)))
    throw invalid(
      `step=${text} is no range of steps`,
      'Write step=5-10, or step=0.2-0.6 for shares of the steps.',
    );
  return [parts[0], parts[1]];
}
