/** What a format cannot hold is said before the first step, with exit code 2; a PNG holds it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pictureCases, testPixels } from '../../../test/support/picture-settings.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { encodePng } from '../../files/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import {
  openEmbeddings,
  openLoraFolders,
  openWorkshop,
  type PictureFormat,
  type PictureSettings,
} from '../index.ts';
import { encodePicture } from './encode-picture.ts';
import { requireFormatHolds } from './format-limits.ts';
import { infotextOf } from './infotext-of.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const folder = temporaryFolder();
const options = { checkpoint, loras: openLoraFolders([]), embeddings: openEmbeddings([]) };
const workshops = (['png', 'jpeg', 'webp'] as const).map(
  format => [format, openWorkshop({ ...options, format })] as const,
);
const workshopOf = new Map(workshops);
afterAll(async () => {
  for (const [, workshop] of workshops) await workshop.release();
});

const [{ settings: plain }] = pictureCases;
const prepare = async (format: PictureFormat, change: Partial<PictureSettings>): Promise<void> =>
  workshopOf.get(format)?.prepare([plain, { ...plain, ...change }]);
const refused = (message: RegExp) =>
  expect.objectContaining({
    code: 'OUT_FORMAT',
    exit: 'usage',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/PNG/),
  });

test('a text that is longer than a JPEG holds', async () => {
  // In UTF-16, 33,000 letters are 66,000 bytes.
  const long = { prompt: 'word '.repeat(6_600) };
  await expect(prepare('jpeg', long)).rejects.toEqual(refused(/6\d{4} bytes.*JPEG.*65533/));
  await prepare('jpeg', { prompt: 'word '.repeat(3_000) });
  await prepare('webp', long);
  await prepare('png', long);
});

test('sides: WebP 16,383, JPEG 65,535, of the second pass and of a picture that is put back together too', async () => {
  const hires = { upscaler: 'latent', steps: 1, strength: 0.5, width: 16_448, height: 64 } as const;
  const facts = { embeddings: [] };
  const check = (format: PictureFormat, change: Partial<PictureSettings>): Promise<void> =>
    requireFormatHolds({ format, settings: { ...plain, ...change }, mark: true }, facts);
  await expect(prepare('webp', { hires })).rejects.toEqual(refused(/16448×64.*WebP.*16383/));
  await expect(check('webp', { height: 16_384 })).rejects.toEqual(refused(/64×16384.*WebP.*16383/));
  await expect(check('jpeg', { width: 65_536 })).rejects.toEqual(refused(/65536×64.*JPEG.*65535/));
  await check('webp', { width: 16_383, height: 16_383 });
  await check('jpeg', { width: 65_535, hires: { ...hires, width: 65_535 } });
  await check('png', { width: 65_536 });

  const path = join(folder, 'wide.png');
  writeFileSync(path, encodePng({ width: 16_384, height: 1, channels: 3, data: new Uint8Array(3 * 16_384) }));
  const file = { path, sha256: '0'.repeat(64) };
  const init = { picture: file, strength: 0.5, resize: 'stretch' } as const;
  const inpaint = { mask: file, blur: 4, invert: false, content: 'original', padding: 32 } as const;
  await expect(check('webp', { init, inpaint: { ...inpaint, area: 'masked' } })).rejects.toEqual(
    refused(/16384×1;/),
  );
  await check('webp', { init, inpaint: { ...inpaint, area: 'whole' } });
});

test('the limit is that of the encoder: what is let through is written, one more byte is not', async () => {
  const base = pictureCases.find(({ name }) => name === 'words');
  if (!base) throw new Error('no such case');
  const hash = 'f'.repeat(64);
  const drawn = async (letters: number): Promise<string> => {
    const settings = {
      ...base.settings,
      model: { ...base.settings.model, hash },
      prompt: 'x'.repeat(letters),
    };
    const parameters = infotextOf(settings, { ...base.facts, modelHash: hash });
    return encodePicture(testPixels(8, 8), { format: 'jpeg', settings, parameters, mark: true }).then(
      () => 'held',
      error => error.code,
    );
  };
  const checked = async (letters: number): Promise<string> =>
    requireFormatHolds(
      { format: 'jpeg', settings: { ...base.settings, prompt: 'x'.repeat(letters) }, mark: true },
      base.facts,
    ).then(
      () => 'held',
      error => error.code,
    );
  let [held, refusedFrom] = [0, 70_000];
  while (refusedFrom - held > 1) {
    const middle = (held + refusedFrom) >> 1;
    if ((await checked(middle)) === 'held') held = middle;
    else refusedFrom = middle;
  }
  expect(held).toBeGreaterThan(30_000);
  expect([await drawn(held), await drawn(refusedFrom)]).toEqual(['held', 'JPEG_TEXT_TOO_LONG']);
});
