/** @file Autoencoders and text encoders from files and folders: those of a checkpoint, or given beside it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../../../errors.ts';
import { isFolder, type SafetensorsFile } from '../../../files/index.ts';
import type { ClipConfig } from '../../clip/text-encoder.ts';
import type { Shapes } from '../../shapes.ts';
import { type ClipTokenizer, openClipTokenizer, openTokenizer } from '../../tokenizer/index.ts';
import { vaeShapes } from '../../vae/shapes.ts';
import type { VaeConfig } from '../../vae/vae.ts';
import type { Family, Part, TextPart } from '../checkpoint.ts';
import { openTextFolder, openVaeFolder } from '../folder.ts';
import { checkShapes } from '../shape-check.ts';
import {
  architectureOf,
  autoencoder,
  type EncoderKind,
  encoderShapes,
  encoders,
  padding,
  projects,
} from './architectures.ts';
import { findTextEncoders, findVae, type Place, type TextPlace } from './find-parts.ts';
import { openModelFile } from './model-file.ts';
import { type StoredPart, storedWeights } from './stored-weights.ts';
import { otherKind } from './what-is-it.ts';

export interface StoredPartOf<Config> extends Part<Config> {
  readonly weights: StoredPart;
}

/** A part at its place in a file, every tensor of it checked; `asker` names the model in errors. */
function partAt<Config>(
  file: SafetensorsFile,
  place: Place,
  { config, shapes, asker }: { config: Config; shapes: Shapes; asker: string },
): StoredPartOf<Config> {
  const weights = storedWeights(file, shapes, place.naming);
  const hint = 'The file is incomplete, or of another model.';
  checkShapes(weights, shapes, { file: file.path, asker, hint, nameOf: weights.nameInFile });
  return { config, weights, files: weights.files };
}

/** The autoencoder inside a file; undefined when there is none. */
export function vaeInFile(file: SafetensorsFile, scalingFactor: number): StoredPartOf<VaeConfig> | undefined {
  const place = findVae(file, autoencoder.channels.length);
  if (!place) return undefined;
  const config = { ...autoencoder, scalingFactor };
  return partAt(file, place, {
    config,
    shapes: vaeShapes(config),
    asker: 'the autoencoder of Stable Diffusion',
  });
}

/** Tensors of a file that its own autoencoder and text encoders are made of, whether they are used or not. */
export function partTensors(file: SafetensorsFile, kinds: readonly EncoderKind[]): Set<string> {
  const used = new Set<string>();
  const add = (shapes: Shapes, place: Place | undefined): void => {
    if (!place) return;
    for (const name of storedWeights(file, shapes, place.naming).used) used.add(name);
  };
  add(vaeShapes({ ...autoencoder, scalingFactor: 1 }), findVae(file, autoencoder.channels.length));
  for (const kind of kinds) {
    add(encoderShapes(kind), placeOf(file, kind));
  }
  return used;
}

/** Encoders are told apart by their width. */
const placeOf = (file: SafetensorsFile, kind: EncoderKind): TextPlace | undefined =>
  findTextEncoders(file).find(({ width }) => width === encoders[kind].hiddenSize);

export const encoderNames: Readonly<Record<EncoderKind, string>> = {
  clipL: 'CLIP ViT-L/14',
  openClipH: 'OpenCLIP ViT-H/14',
  openClipBigG: 'OpenCLIP ViT-bigG/14',
};

/** A text encoder inside a file; undefined when it has none of the kind. */
export function encoderInFile(
  file: SafetensorsFile,
  kind: EncoderKind,
): StoredPartOf<ClipConfig> | undefined {
  const place = placeOf(file, kind);
  const asker = `the text encoder ${encoderNames[kind]}`;
  return place && partAt(file, place, { config: encoders[kind], shapes: encoderShapes(kind), asker });
}

/** CLIP's own tokenizer with the padding of an encoder, unless the user gives another. */
export function tokenizerFor(kind: EncoderKind, folder: string | undefined): ClipTokenizer {
  return folder === undefined ? openClipTokenizer(padding[kind]) : openTokenizer(folder, padding[kind]);
}

/** The folder itself, or the part's folder in that of a whole checkpoint. */
const partFolders = (path: string, names: readonly string[]): string[] =>
  existsSync(join(path, 'config.json'))
    ? [path]
    : names.map(name => join(path, name)).filter(folder => existsSync(folder));

/** An autoencoder that the user gives: a file with any names, a part's folder or that of a checkpoint. */
export function openGivenVae(path: string, family: Family): Part<VaeConfig> {
  if (isFolder(path)) {
    const [folder] = partFolders(path, ['vae']);
    if (folder) return openVaeFolder(folder);
    throw badInput(
      'VAE_NOT_FOUND',
      `${path} has no config.json and no folder vae`,
      'Give a VAE file or folder.',
    );
  }
  const file = openModelFile(path);
  const part = vaeInFile(file, architectureOf(family)?.latentFactor ?? 1);
  if (part) return part;
  const hint = 'Give the file of an autoencoder, or of a checkpoint with one.';
  throw otherKind(file) ?? badInput('VAE_NOT_FOUND', `${path} holds no autoencoder`, hint);
}

function givenEncoder(path: string, kind: EncoderKind): Part<ClipConfig> | undefined {
  if (!isFolder(path)) return encoderInFile(openModelFile(path), kind);
  for (const folder of partFolders(path, ['text_encoder', 'text_encoder_2'])) {
    const part = openTextFolder(folder, projects(kind));
    if (part.config.hiddenSize === encoders[kind].hiddenSize) return part;
  }
  return undefined;
}

/** Text encoders that the user gives, in the order of the family; undefined where none of the kind is among them. */
export function openGivenText(
  family: Family,
  paths: readonly string[],
  tokenizer: string | undefined,
): (TextPart | undefined)[] {
  const kinds = architectureOf(family)?.text ?? [];
  const parts = kinds.map(kind => {
    const part = paths.map(path => givenEncoder(path, kind)).find(found => found !== undefined);
    return part && { ...part, tokenizer: tokenizerFor(kind, tokenizer) };
  });
  if (parts.some(part => part !== undefined)) return parts;
  const wanted = kinds.map(kind => `${encoderNames[kind]} (width ${encoders[kind].hiddenSize})`).join(' or ');
  const message = `${paths.join(', ')}: there is no text encoder ${wanted || 'that this base takes'}`;
  throw badInput(
    'TEXT_ENCODER_NOT_FOUND',
    message,
    'Give the text encoder of a checkpoint of the same family.',
  );
}
