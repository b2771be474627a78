/** @file The rectangle around a mask that is drawn in full size (A1111's inpaint area "only masked"). */
import type { Raster, Rectangle, Size } from './raster.ts';

/** The smallest rectangle with everything that is not black; undefined where all is. */
function boundsOf({ width, height, data }: Raster): Rectangle | undefined {
  let [left, right, top, bottom] = [width, -1, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      if (top < 0) top = y;
      bottom = y;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  }
  return top < 0 ? undefined : { left, top, width: right + 1 - left, height: bottom + 1 - top };
}

function padded({ left, top, width, height }: Rectangle, padding: number, within: Size): Rectangle {
  const [x, y] = [Math.max(0, left - padding), Math.max(0, top - padding)];
  return {
    ...{ left: x, top: y },
    width: Math.min(within.width, left + width + padding) - x,
    height: Math.min(within.height, top + height + padding) - y,
  };
}

/** Lengthens a stretch of a side evenly on both ends, moved inwards at the border and never longer than the side. */
function lengthen(
  start: number,
  length: number,
  wanted: number,
  side: number,
): [start: number, length: number] {
  const more = Math.trunc(wanted - length);
  const grown = length + more;
  const even = start - Math.floor(more / 2);
  const from = Math.max(0, even + grown >= side ? side - grown : even);
  return [from, Math.min(side, from + grown) - from];
}

/** Padding is added, then what makes the shape that of `target`, as far as the picture reaches. */
export function cropRegion(mask: Raster, padding: number, target: Size): Rectangle | undefined {
  const bounds = boundsOf(mask);
  if (!bounds) return undefined;
  const { left, top, width, height } = padded(bounds, padding, mask);
  const ratio = target.width / target.height;
  if (width / height > ratio) {
    const [y, tall] = lengthen(top, height, width / ratio, mask.height);
    return { left, top: y, width, height: tall };
  }
  const [x, wide] = lengthen(left, width, height * ratio, mask.width);
  return { left: x, top, width: wide, height };
}
