/** @file Which of a model's weights are in which tensors of its files. */
import { resolve } from 'node:path';
import type { Shape } from '../../../engine/index.ts';
import type { Stored } from '../../layers.ts';
import { type Checkpoint, type Part, partList } from '../checkpoint.ts';

/** One of our weights, inside a tensor of a file. */
export interface FilePiece extends Stored {
  /** With its part in front: `text_encoder.text_model.final_layer_norm.weight`. */
  readonly weight: string;
  /** Of the weight. */
  readonly shape: Shape;
}

/** Name of a tensor in its file → the weights in it. */
export type PiecesOfFile = ReadonlyMap<string, readonly FilePiece[]>;

const partNames = ['unet', 'vae', 'text_encoder', 'text_encoder_2'] as const;

function addPieces(found: Map<string, Map<string, FilePiece[]>>, name: string, part: Part<unknown>): void {
  const { weights, files } = part;
  for (const own of weights.names()) {
    const stored = weights.inFile?.(own);
    if (!stored) throw new Error(`${name}.${own} is not in a file`);
    // What must be turned has no bytes to point at; it is in the one file of its part.
    const place = stored.turned ? undefined : weights.bytes(own);
    const path = place && 'path' in place ? place.path : resolve(files[0]);
    const inFile = found.get(path) ?? new Map<string, FilePiece[]>();
    const pieces = inFile.get(stored.name) ?? [];
    pieces.push({ ...stored, weight: `${name}.${own}`, shape: weights.shape(own) });
    inFile.set(stored.name, pieces);
    found.set(path, inFile);
  }
}

/** Path of a weight file → its tensors that the model is made of. */
export function filePieces(checkpoint: Checkpoint): ReadonlyMap<string, PiecesOfFile> {
  const found = new Map<string, Map<string, FilePiece[]>>();
  for (const [i, part] of partList(checkpoint).entries()) addPieces(found, partNames[i], part);
  return found;
}
