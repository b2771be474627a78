/** @file Prints, for checkpoint_keys.py, what the tensors of the LDM layout are called here and their shapes, as JSON. */

import { architectures, autoencoder, encoders } from '../../src/models/checkpoint/single/architectures.ts';
import { openClipName, type Stored } from '../../src/models/checkpoint/single/clip-names.ts';
import { ldmUnetName } from '../../src/models/checkpoint/single/unet-names.ts';
import { ldmVaeName } from '../../src/models/checkpoint/single/vae-names.ts';
import { clipShapes } from '../../src/models/clip/shapes.ts';
import { unetShapes } from '../../src/models/unet/shapes.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';

type Row = [name: string, stored: Stored, shape: readonly number[]];
const rows = (shapes: Map<string, readonly number[]>, nameOf: (name: string) => Stored): Row[] =>
  [...shapes].map(([name, shape]) => [name, nameOf(name), shape]);

const parts: Record<string, Row[]> = {
  vae: rows(vaeShapes({ ...autoencoder, scalingFactor: 1 }), name => ({ name: ldmVaeName(name, 4) })),
  openClipH: rows(clipShapes(encoders.openClipH, { projects: false }), openClipName),
  openClipBigG: rows(clipShapes(encoders.openClipBigG, { projects: true }), openClipName),
};
for (const { name, unet } of architectures.slice(0, 3))
  parts[name] = rows(unetShapes(unet), tensor => ({ name: ldmUnetName(tensor, unet) }));
console.log(JSON.stringify(parts));
