/** @file What one look at the held-out pictures found, and which of several is the best. */
import { z } from 'zod';
import type { Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { copyTensors, type RunState } from '../run-state.ts';

const lookSchema = z.object({
  /** Finished steps; 0 = before the first one. */
  step: z.number().int().nonnegative(),
  /** Mean over the held-out pictures of the loss as the run weighs it. It decides which look is best. */
  loss: z.number(),
  /** 95 % interval of `loss` for other pictures of this kind; of one picture, for other draws of noise. */
  low: z.number(),
  high: z.number(),
  /** The same without the weights of timesteps, which compares with runs that weigh otherwise. */
  plainLoss: z.number(),
  /** `loss` of each picture, always in the same order: looks are compared picture by picture. */
  pictures: z.array(z.number()).min(1).readonly(),
});

export type Look = Readonly<z.infer<typeof lookSchema>>;

/** The look with the lowest loss, the earliest of equal ones. */
export function bestLook(looks: readonly Look[]): Look | undefined {
  let best: Look | undefined;
  for (const look of looks) if (!best || look.loss < best.loss) best = look;
  return best;
}

/** Looks out of JSON; throws where they are none. */
export const parseLooks = (looks: unknown): readonly Look[] => z.array(lookSchema).parse(looks);

/** The looks of a run state; throws RUN_STATE_INVALID where they are none. */
export function looksOf({ looks }: Pick<RunState, 'looks'>): readonly Look[] {
  const parsed = z.array(lookSchema).safeParse(looks);
  if (parsed.success) return parsed.data;
  throw badInput(
    'RUN_STATE_INVALID',
    'the run state holds looks of another kind',
    'Move it away to start anew.',
  );
}

/** Keeps a look in the run state, and a copy of what it saw where it is the best; returns whether it is. */
export function noteLook(
  state: Pick<RunState, 'looks' | 'best'>,
  look: Look,
  parameters: ReadonlyMap<string, Tensor>,
): boolean {
  state.looks.push(look);
  const isBest = bestLook(looksOf(state))?.step === look.step;
  const { step, loss, low, high } = look;
  if (isBest) state.best = { step, loss, low, high, parameters: copyTensors(parameters) };
  return isBest;
}
