/** @file How far a picture that was made again is from the old one. */
import type { FinishedPicture } from '../../generation/index.ts';

export interface Likeness {
  readonly identical: boolean;
  /** Mean difference of all levels, 0 … 255. */
  readonly meanDifference: number;
}

type Levels = Pick<FinishedPicture, 'width' | 'height' | 'data'>;

/** How far the new pixels are from the old; undefined where the sizes differ. */
export function likenessOf(old: Levels, made: Levels): Likeness | undefined {
  if (old.width !== made.width || old.height !== made.height) return undefined;
  let sum = 0;
  for (let i = 0; i < old.data.length; i++) sum += Math.abs(old.data[i] - made.data[i]);
  return { identical: sum === 0, meanDifference: sum / old.data.length };
}

export function describeLikeness(likeness: Likeness | undefined, isLossy: boolean): string {
  if (!likeness) return 'the size is another';
  if (likeness.identical) return 'the same pixels';
  const difference = `differs by ${likeness.meanDifference.toFixed(2)} of 255 levels on average`;
  return isLossy ? `${difference} from the compressed original` : difference;
}
