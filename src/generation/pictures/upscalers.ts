/** @file What enlarges a picture or its latent between the passes of hires fix: names as A1111 shows them. */
import type { Tensor } from '../../engine/index.ts';
import { type LoraError, nearestWords, usageError } from '../../errors.ts';
import type { Upscaler } from '../settings/schema.ts';
import { type Interpolation, interpolate } from './interpolate.ts';
import type { Raster, Size } from './raster.ts';
import { kernels, resample, resampleNearest } from './resample.ts';

interface UpscalerRow {
  /** A1111's name, which stands in pictures. */
  readonly label: string;
  readonly aliases: readonly string[];
  readonly scale:
    | { readonly of: 'latent'; readonly how: Interpolation }
    | { readonly of: 'pixels'; readonly how: (picture: Raster, size: Size) => Raster };
}

const latent = (label: string, how: Interpolation, aliases: readonly string[] = []): UpscalerRow => ({
  ...{ label, aliases },
  scale: { of: 'latent', how },
});

const pixels = (
  label: string,
  how: (picture: Raster, size: Size) => Raster,
  aliases: readonly string[] = [],
): UpscalerRow => ({ label, aliases, scale: { of: 'pixels', how } });

export const upscalerTable: Readonly<Record<Upscaler, UpscalerRow>> = {
  latent: latent('Latent', 'bilinear', ['latent (bilinear)']),
  'latent-antialiased': latent('Latent (antialiased)', 'bilinear-antialiased'),
  'latent-bicubic': latent('Latent (bicubic)', 'bicubic'),
  'latent-bicubic-antialiased': latent('Latent (bicubic antialiased)', 'bicubic-antialiased'),
  'latent-nearest': latent('Latent (nearest)', 'nearest'),
  'latent-nearest-exact': latent('Latent (nearest-exact)', 'nearest-exact'),
  // A1111's `None` leaves it to the Lanczos that brings every picture into its size.
  lanczos: pixels('Lanczos', (picture, size) => resample(picture, size, kernels.lanczos), ['none']),
  nearest: pixels('Nearest', resampleNearest),
};

const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

const byName: ReadonlyMap<string, Upscaler> = new Map(
  (Object.entries(upscalerTable) as [Upscaler, UpscalerRow][]).flatMap(([name, { label, aliases }]) =>
    [name, label, ...aliases].map((known): [string, Upscaler] => [plainName(known), name]),
  ),
);

function unknownUpscaler(name: string): LoraError {
  const labels = Object.values(upscalerTable).map(({ label }) => label);
  const near = nearestWords(name, labels);
  const meant = near.length > 0 ? `; meant was perhaps ${near.join(' or ')}` : '';
  const hint = `There are ${labels.join(', ')}. Upscalers that are models of their own (ESRGAN, SwinIR …) are not run.`;
  return usageError('UPSCALER_UNKNOWN', `there is no upscaler "${name}"${meant}`, hint);
}

/** The upscaler of a name of ours or A1111's; case and punctuation do not count. Throws UPSCALER_UNKNOWN. */
export function resolveUpscaler(name: string): Upscaler {
  const found = byName.get(plainName(name));
  if (found === undefined) throw unknownUpscaler(name);
  return found;
}

/** Whether the latent is enlarged; else its decoded picture is, and encoded again. */
export const scalesLatent = (upscaler: Upscaler): boolean => upscalerTable[upscaler].scale.of === 'latent';

/** Enlarges latents [n, c, h, w] to a size in latent pixels. */
export function upscaleLatents(latents: Tensor, size: Size, upscaler: Upscaler): Tensor {
  const { scale } = upscalerTable[upscaler];
  if (scale.of !== 'latent') throw new RangeError(`${upscaler} enlarges pixels`);
  return interpolate(latents, size, scale.how);
}

/** Enlarges a picture. */
export function upscalePixels(picture: Raster, size: Size, upscaler: Upscaler): Raster {
  const { scale } = upscalerTable[upscaler];
  if (scale.of !== 'pixels') throw new RangeError(`${upscaler} enlarges latents`);
  return scale.how(picture, size);
}
