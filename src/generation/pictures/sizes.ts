/** @file Sizes that can be drawn: whole latent pixels, not too small for the UNet, and what hires fix makes of them. */
import { usageError } from '../../errors.ts';
import type { PictureFinding, Rectangle, Size } from './raster.ts';

const mostSide = 8192;

export interface SizeRule {
  /** Pixels a latent pixel. */
  readonly latentScale: number;
  /** Resolutions of the UNet: each but the finest halves what is before it. */
  readonly levels: number;
}

const leastSide = ({ latentScale, levels }: SizeRule): number => latentScale * 2 ** (levels - 1);

/** Throws SIZE_INVALID. */
function checkSide(name: string, side: number, rule: SizeRule): void {
  if (Number.isInteger(side) && side >= leastSide(rule) && side <= mostSide) return;
  const range = `from ${leastSide(rule)} to ${mostSide}`;
  throw usageError('SIZE_INVALID', `${name} ${side}: give a whole number of pixels ${range}`);
}

function snapFindings(
  name: string,
  side: number,
  snapped: number,
  { latentScale }: SizeRule,
): PictureFinding[] {
  if (snapped === side) return [];
  const message = `${name} ${side} → ${snapped}: the model draws multiples of ${latentScale} pixels`;
  return [{ code: 'SIZE_SNAPPED', message }];
}

function snapSide(name: string, side: number, rule: SizeRule, findings: PictureFinding[]): number {
  const { latentScale } = rule;
  const snapped = Math.round(side / latentScale) * latentScale;
  checkSide(
    name,
    Number.isInteger(side) && snapped >= leastSide(rule) ? Math.max(side, snapped) : side,
    rule,
  );
  findings.push(...snapFindings(name, side, snapped, rule));
  return snapped;
}

/** The nearest size that can be drawn, with a word where that is another. Throws SIZE_INVALID. */
export function snapSize({ width, height }: Size, rule: SizeRule): Size & { findings: PictureFinding[] } {
  const findings: PictureFinding[] = [];
  const snapped = {
    width: snapSide('width', width, rule, findings),
    height: snapSide('height', height, rule, findings),
  };
  return { ...snapped, findings };
}

export interface HiresRequest extends Size {
  readonly scale?: number | undefined;
  /** Either or both instead of a scale; with one, the other follows from the shape. */
  readonly toWidth?: number | undefined;
  readonly toHeight?: number | undefined;
}

/** All in pixels, multiples of the latent scale. */
export interface HiresSize extends Size {
  /** What the first pass is enlarged to; larger than the result where that has another shape. */
  readonly enlarged: Size;
  /** What is cut out of it. */
  readonly crop: Rectangle;
  readonly findings: readonly PictureFinding[];
}

/** In whole pixels; with both sides given, what covers them in the shape of the first pass. */
function enlargedSize({ width, height, scale = 1, toWidth, toHeight }: HiresRequest): Size {
  const byWidth = (wide: number): Size => ({ width: wide, height: Math.floor((wide * height) / width) });
  const byHeight = (tall: number): Size => ({ width: Math.floor((tall * width) / height), height: tall });
  if (toWidth !== undefined && toHeight !== undefined)
    return width * toHeight < toWidth * height ? byWidth(toWidth) : byHeight(toHeight);
  if (toWidth !== undefined) return byWidth(toWidth);
  if (toHeight !== undefined) return byHeight(toHeight);
  return { width: Math.trunc(width * scale), height: Math.trunc(height * scale) };
}

/** Throws HIRES_SIZE_INVALID. */
function checkHires({ scale, toWidth, toHeight }: HiresRequest): void {
  const hasSize = toWidth !== undefined || toHeight !== undefined;
  if (hasSize && scale !== undefined)
    throw usageError(
      'HIRES_SIZE_INVALID',
      `hires scale ${scale} and ${toWidth ?? '…'}×${toHeight ?? '…'}: give one`,
    );
  if (!hasSize && !(scale !== undefined && scale > 0 && Number.isFinite(scale)))
    throw usageError('HIRES_SIZE_INVALID', `hires scale ${scale}: give a number above 0, or a size`);
}

/**
 * The size of the second pass by A1111's rule: a scale, or a size, of which what stands out is cut off on both sides (the
 * odd latent pixel at the right or bottom). Throws HIRES_SIZE_INVALID, and SIZE_INVALID as `snapSize`.
 */
export function hiresSize(request: HiresRequest, rule: SizeRule): HiresSize {
  checkHires(request);
  const { latentScale } = rule;
  const findings: PictureFinding[] = [];
  const snap = (name: string, side: number | undefined): number | undefined =>
    side === undefined ? undefined : snapSide(name, side, rule, findings);
  const toWidth = snap('hires width', request.toWidth);
  const toHeight = snap('hires height', request.toHeight);
  const exact = enlargedSize({ ...request, toWidth, toHeight });
  const floor = (name: 'width' | 'height'): number => {
    const whole = exact[name] - (exact[name] % latentScale);
    checkSide(`hires ${name}`, whole, rule);
    return whole;
  };
  const enlarged = { width: floor('width'), height: floor('height') };
  const size = { width: toWidth ?? enlarged.width, height: toHeight ?? enlarged.height };
  if (toWidth === undefined) findings.push(...snapFindings('hires width', exact.width, size.width, rule));
  if (toHeight === undefined) findings.push(...snapFindings('hires height', exact.height, size.height, rule));
  const before = (side: 'width' | 'height'): number =>
    Math.floor((enlarged[side] - size[side]) / latentScale / 2) * latentScale;
  return { ...size, enlarged, crop: { left: before('width'), top: before('height'), ...size }, findings };
}
