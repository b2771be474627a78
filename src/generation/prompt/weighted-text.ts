/** @file A prompt as pieces with weights: what every syntax is read to. */

export interface WeightedText {
  readonly text: string;
  /** How much of the prompt's attention it gets; 1 unless written otherwise. */
  readonly weight: number;
  /** `BREAK`: what follows goes to the next chunk. */
  readonly isBreak?: true;
}

/** Text that means nothing but itself. */
export const plainText = (text: string): WeightedText[] => [{ text, weight: 1 }];
