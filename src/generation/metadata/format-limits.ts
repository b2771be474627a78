/** @file What a format cannot hold, found before anything is drawn: long sides (JPEG, WebP), long texts (JPEG). */
import { usageError } from '../../errors.ts';
import { jpegTextLength } from '../../files/index.ts';
import type { Size } from '../pictures/raster.ts';
import { readPicture } from '../pictures/read-picture.ts';
import type { PictureSettings } from '../settings/schema.ts';
import { blocksOf, type EncodeOptions } from './encode-picture.ts';
import { type InfotextFacts, infotextOf } from './infotext-of.ts';

/** Pixels of a side: 16 bits in a JPEG (ITU-T T.81, B.2.2), 14 in a WebP (RFC 6386, §9.1). */
const rows = {
  jpeg: { name: 'JPEG', longestSide: 65_535 },
  webp: { name: 'WebP', longestSide: 16_383 },
} as const;
const hint = 'Write a PNG, which has no such limit.';

/** With area `masked`, what is drawn is put back into the whole picture. */
async function finishedSize({ hires, init, inpaint, width, height }: PictureSettings): Promise<Size> {
  return init && inpaint?.area === 'masked' ? readPicture(init.picture.path) : (hires ?? { width, height });
}

/** Hashes are not all there yet; of any, as many digits are written. */
const hash = '0'.repeat(64);
const withHashes = (settings: PictureSettings): PictureSettings => ({
  ...settings,
  model: { ...settings.model, hash },
  loras: settings.loras.map(lora => ({ ...lora, hash })),
});

/** Throws OUT_FORMAT, with the limit, for settings whose picture or text the format cannot hold. */
export async function requireFormatHolds(
  options: Omit<EncodeOptions, 'parameters'>,
  facts: Omit<InfotextFacts, 'modelHash'>,
): Promise<void> {
  const { format } = options;
  if (format === 'png') return;
  const { name, longestSide } = rows[format];
  const { width, height } = await finishedSize(options.settings);
  if (Math.max(width, height) > longestSide)
    throw usageError(
      'OUT_FORMAT',
      `the picture would be ${width}×${height}; a side of a ${name} has at most ${longestSide} pixels`,
      hint,
    );
  if (format !== 'jpeg') return;
  const settings = withHashes(options.settings);
  const parameters = infotextOf(settings, { ...facts, modelHash: hash });
  const { bytes, most } = jpegTextLength(blocksOf({ ...options, settings, parameters }));
  if (bytes > most)
    throw usageError(
      'OUT_FORMAT',
      `prompts and settings take ${bytes} bytes in the picture; a JPEG holds at most ${most}`,
      hint,
    );
}
