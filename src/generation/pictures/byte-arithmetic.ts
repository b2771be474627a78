/** @file Rounded arithmetic on bytes, as imaging libraries share it: products of levels 0 … 255 divided by 255. */

/** x / 255, rounded, for 0 ≤ x ≤ 255². */
export function over255(x: number): number {
  const raised = x + 128;
  return ((raised >> 8) + raised) >> 8;
}

/** `share` / 255 of b, the rest of a. */
export const mixBytes = (a: number, b: number, share: number): number =>
  over255(a * (255 - share) + b * share);
