/** @file What img2img encodes. */
import type { Tensor } from '../../engine/index.ts';
import type { InitSettings, ResizeMode } from '../settings/schema.ts';
import { fitPicture } from './fit.ts';
import { type PictureFinding, type Raster, type Size, tensorOf } from './raster.ts';

export interface InitRequest extends Size {
  readonly picture: Raster;
  readonly settings: Pick<InitSettings, 'resize'>;
}

/** Shapes that differ by more look stretched. */
const mostStretch = 0.02;

/** A word where fitting a picture loses its shape. */
export function stretchFindings({ width, height }: Size, target: Size, mode: ResizeMode): PictureFinding[] {
  const stretch = (width * target.height) / (height * target.width);
  if (mode !== 'stretch' || Math.abs(stretch - 1) <= mostStretch) return [];
  const sizes = `${width}×${height} to ${target.width}×${target.height}`;
  const message = `the picture is stretched from ${sizes}; resize modes crop and fill keep its shape`;
  return [{ code: 'PICTURE_STRETCHED', message }];
}

/** The picture in the size that is drawn: [1, 3, height, width] in −1 … 1. */
export function prepareInit({ picture, settings, width, height }: InitRequest): {
  pixels: Tensor;
  findings: PictureFinding[];
} {
  return {
    pixels: tensorOf(fitPicture(picture, width, height, settings.resize)),
    findings: stretchFindings(picture, { width, height }, settings.resize),
  };
}
