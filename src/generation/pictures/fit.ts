/** @file Brings a picture or mask into the size that is drawn (A1111's resize modes). */
import type { ResizeMode } from '../settings/schema.ts';
import { channelsOf, pasteRaster, type Raster, type Size } from './raster.ts';
import { kernels, repeatEdgeColumns, repeatEdgeRows, resample } from './resample.ts';

/** Scaled in its own shape, as large as covers the target or lies within it; whole pixels, rounded down. */
function keepShape({ width, height }: Size, target: Size, how: 'cover' | 'contain'): Size {
  const excess = target.width * height - width * target.height;
  if (how === 'cover' ? excess > 0 : excess < 0)
    return { width: target.width, height: Math.max(1, Math.floor((height * target.width) / width)) };
  return { width: Math.max(1, Math.floor((width * target.height) / height)), height: target.height };
}

/** What is left beside a contained raster is filled with its outermost rows or columns. */
function fillBeside(canvas: Raster, inner: Raster, left: number, top: number): void {
  if (top > 0) {
    pasteRaster(canvas, repeatEdgeRows(inner, 'upper', top), 0, 0);
    pasteRaster(canvas, repeatEdgeRows(inner, 'lower', top), 0, top + inner.height);
  }
  if (left > 0) {
    pasteRaster(canvas, repeatEdgeColumns(inner, 'left', left), 0, 0);
    pasteRaster(canvas, repeatEdgeColumns(inner, 'right', left), left + inner.width, 0);
  }
}

/**
 * A raster in another size: `stretch` gives up its shape, `crop` covers the target and loses what stands out on both
 * sides, `fill` lies within it and repeats its edges. Lanczos, byte for byte as Pillow.
 */
export function fitPicture(raster: Raster, width: number, height: number, mode: ResizeMode): Raster {
  const target = { width, height };
  if (mode === 'stretch') return resample(raster, target, kernels.lanczos);
  const inner = resample(
    raster,
    keepShape(raster, target, mode === 'crop' ? 'cover' : 'contain'),
    kernels.lanczos,
  );
  const canvas = { ...target, data: new Uint8Array(width * height * channelsOf(raster)) };
  const left = Math.floor(width / 2) - Math.floor(inner.width / 2);
  const top = Math.floor(height / 2) - Math.floor(inner.height / 2);
  pasteRaster(canvas, inner, left, top);
  if (mode === 'fill') fillBeside(canvas, inner, left, top);
  return canvas;
}
