/** @file A known model without its weights: enough to build its graphs and see what they cost, not to run them. */
import type { Shape } from '../../../engine/index.ts';
import { elementCount } from '../../../engine/index.ts';
import type { WeightSource } from '../../layers.ts';
import type { Shapes } from '../../shapes.ts';
import { vaeShapes } from '../../vae/shapes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type Architecture, autoencoder, shapesOf } from './architectures.ts';

function weightsOf(shapes: Shapes): WeightSource {
  const shape = (name: string): Shape => {
    const known = shapes.get(name);
    if (!known) throw new Error(`no tensor is called ${name}`);
    return known;
  };
  return {
    has: name => shapes.has(name),
    shape,
    bytes: name => ({ path: '', dtype: 'float32', offset: 0, length: 4 * elementCount(shape(name)) }),
    read: name => {
      throw new Error(`${name} has a shape only`);
    },
    names: () => shapes.keys(),
  };
}

/** UNet and autoencoder of an architecture, shapes only. */
export function shapesOnly(architecture: Architecture): Pick<Checkpoint, 'unet' | 'vae'> {
  const vae = { ...autoencoder, scalingFactor: architecture.latentFactor };
  return {
    unet: { config: architecture.unet, weights: weightsOf(shapesOf(architecture)), files: [] },
    vae: { config: vae, weights: weightsOf(vaeShapes(vae)), files: [] },
  };
}
