/** @file The error of a picture that came out as NaN: named as such, never a black picture. */
import { LoraError } from '../errors.ts';

/** @param where which part made it, e.g. `the UNet gave NaN at sigma 14.6` */
export function notFinite(where: string): LoraError {
  const hint =
    'Try without the LoRAs or with lower strengths; if it stays, the base model is damaged or the guidance too high.';
  return new LoraError('PICTURE_NOT_FINITE', `the picture came out as NaN: ${where}`, { hint });
}
