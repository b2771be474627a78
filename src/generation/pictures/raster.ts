/** @file Pictures and masks in memory, and as tensors. */
import type { Tensor } from '../../engine/index.ts';

/** Rows of interleaved bytes: three a pixel for a picture (red, green, blue), one for a mask. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Something worth telling that stops nothing. */
export interface PictureFinding {
  /** Stable, e.g. `MASK_SCALED`. */
  readonly code: string;
  readonly message: string;
}

export interface Rectangle extends Size {
  readonly left: number;
  readonly top: number;
}

/** Bytes a pixel. */
export const channelsOf = ({ width, height, data }: Raster): number => data.length / (width * height);

/** RGB bytes → [1, 3, height, width] in −1 … 1, as VAE encoders read it. */
export function tensorOf({ width, height, data }: Raster): Tensor {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) planes[c * area + i] = data[3 * i + c] / 127.5 - 1;
  }
  return { shape: [1, 3, height, width], data: planes };
}

/** [1, 3, height, width] in −1 … 1 → RGB bytes, clamped and rounded. */
export function rgbOf({ shape, data }: Tensor): Raster {
  const [, , height, width] = shape;
  const area = width * height;
  const out = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++)
      out[3 * i + c] = Math.round(Math.min(1, Math.max(0, data[c * area + i] / 2 + 0.5)) * 255);
  }
  return { width, height, data: out };
}

/** Cuts a rectangle out, which lies within the raster. */
export function cropRaster(raster: Raster, { left, top, width, height }: Rectangle): Raster {
  const channels = channelsOf(raster);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * raster.width + left) * channels;
    data.set(raster.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, data };
}

/** Cuts the same rectangle out of every plane of [n, c, h, w]. */
export function cropTensor({ shape, data }: Tensor, { left, top, width, height }: Rectangle): Tensor {
  const [count, channels, fullHeight, fullWidth] = shape;
  const out = new Float32Array(count * channels * width * height);
  for (let line = 0; line < count * channels * height; line++) {
    const from = (Math.floor(line / height) * fullHeight + top + (line % height)) * fullWidth + left;
    out.set(data.subarray(from, from + width), line * width);
  }
  return { shape: [count, channels, height, width], data: out };
}

/** Lays `raster` over `canvas` with its top left corner at a place that may be outside; changes the canvas. */
export function pasteRaster(canvas: Raster, raster: Raster, left: number, top: number): void {
  const channels = channelsOf(canvas);
  const [from, to] = [Math.max(0, -left), Math.min(raster.width, canvas.width - left)];
  if (from >= to) return;
  for (let y = Math.max(0, -top); y < Math.min(raster.height, canvas.height - top); y++) {
    const row = raster.data.subarray(
      (y * raster.width + from) * channels,
      (y * raster.width + to) * channels,
    );
    canvas.data.set(row, ((top + y) * canvas.width + left + from) * channels);
  }
}
