/** @file Writes, for written_pictures.py, a picture of each case and format into the folder that it is given. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePicture, pictureFormats } from '../../src/generation/metadata/encode-picture.ts';
import { infotextOf } from '../../src/generation/metadata/infotext-of.ts';
import { pictureCases, testPixels } from '../../test/support/picture-settings.ts';

const [folder] = process.argv.slice(2);
for (const { name, settings, facts, mark } of pictureCases)
  for (const format of pictureFormats) {
    const options = { format, settings, parameters: infotextOf(settings, facts), mark, device: 'cpu' };
    writeFileSync(join(folder, `${name}.${format}`), await encodePicture(testPixels(16, 12), options));
  }
