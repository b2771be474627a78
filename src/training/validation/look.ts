/** @file What one look at the held-out pictures found, and which of several is the best. */

export interface Look {
  /** Finished steps; 0 = the base without the LoRA. */
  readonly step: number;
  /** Mean over the held-out pictures of the loss as the run weighs it. It decides which look is best. */
  readonly loss: number;
  /** 95 % interval of `loss` for other pictures of this kind; of one picture, for other draws of noise. */
  readonly low: number;
  readonly high: number;
  /** The same without the weights of timesteps, which compares with runs that weigh otherwise. */
  readonly plainLoss: number;
  /** `loss` of each picture, always in the same order: looks are compared picture by picture. */
  readonly pictures: readonly number[];
}

/** The look with the lowest loss, the earliest of equal ones. */
export function bestLook(looks: readonly Look[]): Look | undefined {
  let best: Look | undefined;
  for (const look of looks) if (!best || look.loss < best.loss) best = look;
  return best;
}
