/** @file How the shape tables of the models (`unet/shapes.ts`, `vae/shapes.ts`, `clip/shapes.ts`) are written. */
import type { Shape } from '../engine/index.ts';

/** Names (Diffusers layout) and shapes of all weights of a part. */
export type Shapes = Map<string, Shape>;

/** Adds `name.weight`, and `name.bias` with one number an output. */
export function layer(shapes: Shapes, name: string, shape: Shape, bias = true): void {
  shapes.set(`${name}.weight`, shape);
  if (bias) shapes.set(`${name}.bias`, [shape[0]]);
}
