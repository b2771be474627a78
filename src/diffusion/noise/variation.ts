/** @file What A1111 does to a picture's start noise: turns it towards another seed's, or sets in that of another size. */

/** Noise is [c, h, w]. */
export type NoiseShape = readonly [channels: number, height: number, width: number];

/** Mean cosine above which two noises are one direction, and are mixed linearly. */
const oneDirection = 0.9995;

/**
 * From `low` to `high` by `share` of the angle between them (Shoemake 1985), column by column of each channel: A1111
 * measures angles along the second axis. Noise of one seed with itself is mixed with weights the other way round there,
 * which gives the same noise.
 */
export function turnTowards(
  low: Float32Array,
  high: Float32Array,
  share: number,
  [channels, height, width]: NoiseShape,
): Float32Array {
  const at = (column: number, y: number): number =>
    (Math.floor(column / width) * height + y) * width + (column % width);
  const cosines = Array.from({ length: channels * width }, (_, column) => {
    let [lowSquares, highSquares, product] = [0, 0, 0];
    for (let y = 0; y < height; y++) {
      const [a, b] = [low[at(column, y)], high[at(column, y)]];
      lowSquares += a * a;
      highSquares += b * b;
      product += a * b;
    }
    return product / Math.sqrt(lowSquares * highSquares);
  });
  if (cosines.reduce((a, b) => a + b) / cosines.length > oneDirection)
    return low.map((x, i) => x * share + high[i] * (1 - share));

  const out = new Float32Array(low.length);
  for (const [column, cosine] of cosines.entries()) {
    const angle = Math.acos(cosine);
    const lowWeight = Math.sin((1 - share) * angle) / Math.sin(angle);
    const highWeight = Math.sin(share * angle) / Math.sin(angle);
    for (let y = 0; y < height; y++) {
      const i = at(column, y);
      out[i] = lowWeight * low[i] + highWeight * high[i];
    }
  }
  return out;
}

/** Where a side of `inner` begins in one of `outer` when their middles meet, how much is seen, and from where of `inner`. */
function centred(outer: number, inner: number): { at: number; from: number; size: number } {
  const margin = Math.floor((outer - inner) / 2);
  return margin >= 0
    ? { at: margin, from: 0, size: inner }
    : { at: 0, from: -margin, size: inner + 2 * margin };
}

/** Sets `inner` into the middle of `outer`, in place; what does not fit is cut off at both sides. */
export function pasteCentred(
  outer: Float32Array,
  [channels, height, width]: NoiseShape,
  inner: Float32Array,
  [, innerHeight, innerWidth]: NoiseShape,
): void {
  const rows = centred(height, innerHeight);
  const columns = centred(width, innerWidth);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows.size; y++) {
      const from = (c * innerHeight + rows.from + y) * innerWidth + columns.from;
      const to = (c * height + rows.at + y) * width + columns.at;
      outer.set(inner.subarray(from, from + columns.size), to);
    }
  }
}
