/** @file A picture and its mask before the first step of inpainting, and how the result is put back (A1111's way). */
import type { Tensor } from '../../engine/index.ts';
import { type LoraError, usageError } from '../../errors.ts';
import type { InpaintSettings, ResizeMode } from '../settings/schema.ts';
import { blurMask } from './blur-mask.ts';
import { cropRegion } from './crop-region.ts';
import { fillMasked, layOver, withHole } from './fill-masked.ts';
import { fitPicture } from './fit.ts';
import { binaryOf, latentMaskOf } from './latent-mask.ts';
import { stretchFindings } from './prepare-init.ts';
import { cropRaster, type PictureFinding, pasteRaster, type Raster, type Size, tensorOf } from './raster.ts';
import { matchMask } from './read-mask.ts';

export interface InpaintRequest extends Size {
  readonly picture: Raster;
  readonly mask: Raster;
  readonly settings: Omit<InpaintSettings, 'mask'>;
  /** Where the picture has another shape; with area `masked` there is nothing to choose. */
  readonly resize: ResizeMode;
  /** Pixels a latent pixel. */
  readonly latentScale: number;
}

export interface PreparedInpaint {
  /** What is encoded, filled where that is asked for. [1, 3, height, width] in −1 … 1 */
  readonly pixels: Tensor;
  /** 1 where it is drawn, else 0. [1, 1, height, width] */
  readonly mask: Tensor;
  /** The same over latent pixels, h·w. */
  readonly latentMask: Float32Array;
  /**
   * Puts the RGB result (width × height) under what is not masked: of the size that is drawn, or with area `masked` of the
   * whole picture. Pixels that the softened mask does not reach are those of the picture.
   */
  finish(result: Raster): Raster;
  readonly findings: readonly PictureFinding[];
}

/** What is drawn and where it goes. All but `paste` are in the size that is drawn. */
interface Work {
  readonly picture: Raster;
  readonly mask: Raster;
  paste(result: Raster): Raster;
}

function emptyMask(invert: boolean): LoraError {
  const hint = invert
    ? 'Leave out the inverting, or paint black what is to be filled in.'
    : 'Paint it white.';
  const message = `the ${invert ? 'inverted ' : ''}mask is black everywhere: nothing is to be filled in`;
  return usageError('MASK_EMPTY', message, hint);
}

function lostMask({ width, height }: Size, blur: number): LoraError {
  const message = `the mask is too small or too faint: blurred by ${blur}, nothing of it is left on ${width}×${height} latent pixels`;
  return usageError('MASK_EMPTY', message, 'Paint a larger area, blur less, or draw only the masked area.');
}

/** More would soften a whole picture away; A1111's slider ends at 64. */
const mostBlur = 256;

function checkBlur(blur: number): void {
  if (blur >= 0 && blur <= mostBlur) return;
  throw usageError('MASK_BLUR_INVALID', `mask blur ${blur}: give a number of pixels from 0 to ${mostBlur}`);
}

const inverted = ({ width, height, data }: Raster): Raster => ({
  ...{ width, height },
  data: data.map(level => 255 - level),
});

/** The picture where the mask is black, over `below`; mixed where it is grey. */
function overlay(picture: Raster, mask: Raster, below: Raster): Raster {
  const { width, height } = picture;
  const canvas = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) canvas.set(below.data.subarray(3 * i, 3 * i + 3), 4 * i);
  layOver(canvas, withHole(picture, mask).data);
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(canvas.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, data };
}

/** The whole picture is drawn. Twice the level of the mask shows the drawing, so that its soft edge hides no seam. */
function workOnWhole(picture: Raster, mask: Raster, { width, height, resize }: InpaintRequest): Work {
  const fitted = fitPicture(picture, width, height, resize);
  const fittedMask = fitPicture(mask, width, height, resize);
  const shown = { width, height, data: fittedMask.data.map(level => Math.min(255, 2 * level)) };
  return { picture: fitted, mask: fittedMask, paste: result => overlay(fitted, shown, result) };
}

/** Only what is around the mask is drawn. */
function workOnMasked(picture: Raster, mask: Raster, { settings, width, height }: InpaintRequest): Work {
  const region = cropRegion(mask, settings.padding, { width, height });
  if (!region) throw emptyMask(settings.invert);
  return {
    picture: fitPicture(cropRaster(picture, region), width, height, 'fill'),
    mask: fitPicture(cropRaster(mask, region), width, height, 'fill'),
    paste(result) {
      const below = { ...picture, data: new Uint8Array(picture.data) };
      pasteRaster(below, fitPicture(result, region.width, region.height, 'crop'), region.left, region.top);
      return overlay(picture, mask, below);
    },
  };
}

/**
 * Prepares a picture and its mask. Throws MASK_SIZE, MASK_BLUR_INVALID, and MASK_EMPTY where nothing would be drawn.
 * Masked content `latent-noise` and `latent-nothing` are for the latents (`maskedContentOf`).
 */
export function prepareInpaint(request: InpaintRequest): PreparedInpaint {
  const { picture, settings, width, height, resize, latentScale } = request;
  const { blur, invert, content, area } = settings;
  checkBlur(blur);
  const matched = matchMask(request.mask, picture);
  const asked = invert ? inverted(matched.mask) : matched.mask;
  if (asked.data.every(level => level === 0)) throw emptyMask(invert);
  const soft = blurMask(asked, blur);
  const work = area === 'whole' ? workOnWhole(picture, soft, request) : workOnMasked(picture, soft, request);
  const latent = { width: width / latentScale, height: height / latentScale };
  const latentMask = latentMaskOf(work.mask, latent);
  if (!latentMask.includes(1)) throw lostMask(latent, blur);
  const stretched = area === 'whole' ? stretchFindings(picture, { width, height }, resize) : [];
  return {
    pixels: tensorOf(content === 'original' ? work.picture : fillMasked(work.picture, work.mask)),
    mask: { shape: [1, 1, height, width], data: binaryOf(work.mask) },
    latentMask,
    finish: result => work.paste(result),
    findings: [...matched.findings, ...stretched],
  };
}
