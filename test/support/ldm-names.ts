/** What the tensors of the LDM layout are called here, part by part; tools/goldens/checkpoint_names.ts prints them. */
import { architectures, autoencoder, encoders } from '../../src/models/checkpoint/single/architectures.ts';
import { openClipName, type Stored } from '../../src/models/checkpoint/single/clip-names.ts';
import { ldmUnetName } from '../../src/models/checkpoint/single/unet-names.ts';
import { ldmVaeName } from '../../src/models/checkpoint/single/vae-names.ts';
import { clipShapes } from '../../src/models/clip/shapes.ts';
import type { Shapes } from '../../src/models/shapes.ts';
import { unetShapes } from '../../src/models/unet/shapes.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';

export type LdmRow = [name: string, stored: Stored, shape: readonly number[]];

const rows = (shapes: Shapes, nameOf: (name: string) => Stored): LdmRow[] =>
  [...shapes].map(([name, shape]) => [name, nameOf(name), shape]);

/** The autoencoder, OpenCLIP's encoders, and the UNets of the three families that have base models. */
export function ldmParts(): Map<string, LdmRow[]> {
  return new Map([
    ['vae', rows(vaeShapes({ ...autoencoder, scalingFactor: 1 }), name => ({ name: ldmVaeName(name, 4) }))],
    ['openClipH', rows(clipShapes(encoders.openClipH, { projects: false }), openClipName)],
    ['openClipBigG', rows(clipShapes(encoders.openClipBigG, { projects: true }), openClipName)],
    ...architectures
      .slice(0, 3)
      .map(({ name, unet }): [string, LdmRow[]] => [
        name,
        rows(unetShapes(unet), tensor => ({ name: ldmUnetName(tensor, unet) })),
      ]),
  ]);
}
