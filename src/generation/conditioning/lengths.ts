/**
 * @file Texts of different length in one batch.
 *
 * Cross-attention of a query q over keys kᵢ and values vᵢ is Σ e^{q·kᵢ} vᵢ / Σ e^{q·kᵢ}. With the whole context repeated
 * n times both sums are n times as large, so the result is the same: texts are brought to one length by repeating them, and
 * each acts as if it had been alone. (Padding with an empty text would change it.)
 */
import type { Tensor } from '../../engine/index.ts';
import { joinTokens } from '../../models/index.ts';

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** The smallest number that all of them divide. */
export const commonMultiple = (counts: readonly number[]): number =>
  counts.reduce((a, b) => (a / divisor(a, b)) * b, 1);

/** [1, n, width] → [1, length, width]; n divides the length. */
export function repeatTokens(context: Tensor, length: number): Tensor {
  const times = length / context.shape[1];
  return times === 1 ? context : joinTokens(Array.from({ length: times }, () => context));
}

/** A1111 joins the parts of AND by repeating the last token's state of shorter ones. */
export function repeatLastToken({ shape: [, tokens, width], data }: Tensor, length: number): Tensor {
  const longer = new Float32Array(length * width);
  longer.set(data);
  for (let at = tokens; at < length; at++) longer.set(data.subarray(-width), at * width);
  return { shape: [1, length, width], data: longer };
}
