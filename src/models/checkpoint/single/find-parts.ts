/** @file Where in a file the parts of a model are, and under which names: by a tensor that each part must have. */
import type { SafetensorsFile } from '../../../files/index.ts';
import type { UnetConfig } from '../../unet/unet.ts';
import { oldAttention } from '../names.ts';
import { openClipName, type Stored } from './clip-names.ts';
import { ldmUnetName } from './unet-names.ts';
import { ldmVaeName } from './vae-names.ts';

export type Layout = 'LDM' | 'Diffusers';

/** Our name of a tensor → where the file has it. */
export type Naming = (name: string) => Stored;

export interface UnetPlace {
  readonly layout: Layout;
  /** In front of the file's names. */
  readonly prefix: string;
  /** The averaged weights (EMA) are used, because there are no others. */
  readonly isAveraged: boolean;
  naming(config: UnetConfig): Naming;
}

type Tensors = Pick<SafetensorsFile, 'tensors'>;

const firstConvolution = 'input_blocks.0.0.weight';

/** `model_ema.` keeps all names without their dots (LitEma of latent-diffusion). */
const averagedName = (name: string): string => `model_ema.diffusion_model${name.replaceAll('.', '')}`;

const averagedPrefix = 'model_ema.';

/** Whether a tensor is an averaged weight beside the ones that are used. */
export const isUnusedAverage = (name: string, used: ReadonlySet<string>): boolean =>
  name.startsWith(averagedPrefix) && !used.has(name);

const ldmNaming =
  (full: (name: string) => string) =>
  (config: UnetConfig): Naming =>
  name => ({ name: full(ldmUnetName(name, config)) });

/** Where a file has its UNet; undefined when it has none. */
export function findUnet({ tensors }: Tensors): UnetPlace | undefined {
  for (const prefix of ['model.diffusion_model.', 'diffusion_model.', '']) {
    if (!tensors.has(prefix + firstConvolution)) continue;
    return { layout: 'LDM', prefix, isAveraged: false, naming: ldmNaming(name => prefix + name) };
  }
  if (tensors.has(averagedName(firstConvolution)))
    return { layout: 'LDM', prefix: averagedPrefix, isAveraged: true, naming: ldmNaming(averagedName) };
  for (const prefix of ['unet.', '']) {
    const isThere = ['conv_in.weight', 'time_embedding.linear_1.weight'].every(name =>
      tensors.has(prefix + name),
    );
    if (!isThere) continue;
    const naming = (): Naming => name => ({ name: prefix + name });
    return { layout: 'Diffusers', prefix, isAveraged: false, naming };
  }
  return undefined;
}

export interface Place {
  readonly layout: Layout;
  readonly prefix: string;
  readonly naming: Naming;
}

function oldVaeName(name: string): string {
  const pair = Object.entries(oldAttention).find(([, layer]) => name.includes(`.attentions.0.${layer}.`));
  return pair ? name.replace(pair[1], pair[0]) : name;
}

/** Where a file has its autoencoder; `levels` of resolution. */
export function findVae({ tensors }: Tensors, levels: number): Place | undefined {
  for (const prefix of ['first_stage_model.', 'vae.', '']) {
    const has = (name: string): boolean => tensors.has(prefix + name);
    if (has('decoder.mid.block_1.norm1.weight'))
      return { layout: 'LDM', prefix, naming: name => ({ name: prefix + ldmVaeName(name, levels) }) };
    if (!has('decoder.mid_block.resnets.0.norm1.weight')) continue;
    const isOld = has('decoder.mid_block.attentions.0.query.weight');
    const own = isOld ? oldVaeName : (name: string): string => name;
    return { layout: 'Diffusers', prefix, naming: name => ({ name: prefix + own(name) }) };
  }
  return undefined;
}

export interface TextPlace extends Place {
  /** Of the token embedding: tells the encoders apart. */
  readonly width: number;
}

const wordTable = 'embeddings.token_embedding.weight';

/** In front of transformers' names: `text_model.` was left out in old files, and is in new ones (transformers 5). */
const transformersPrefixes: readonly string[] = [
  'cond_stage_model.transformer.text_model.',
  'cond_stage_model.transformer.',
  'conditioner.embedders.0.transformer.text_model.',
  'conditioner.embedders.0.transformer.',
  'conditioner.embedders.1.transformer.text_model.',
  'text_encoders.clip_l.transformer.text_model.',
  'text_encoders.clip_g.transformer.text_model.',
  'text_encoder.text_model.',
  'text_encoder_2.text_model.',
  'text_model.',
  '',
];

/** In front of OpenCLIP's names. */
const openClipPrefixes: readonly string[] = [
  'cond_stage_model.model.',
  'conditioner.embedders.1.model.',
  'conditioner.embedders.0.model.',
  '',
];

function transformersPlace(prefix: string, width: number): TextPlace {
  // The projection is beside the text model, not in it.
  const outer = prefix.replace(/text_model\.$/, '');
  const naming: Naming = name =>
    name.startsWith('text_model.')
      ? { name: prefix + name.slice('text_model.'.length) }
      : { name: outer + name };
  return { layout: 'Diffusers', prefix, width, naming };
}

function openClipPlace({ tensors }: Tensors, prefix: string, width: number): TextPlace {
  // Some tools write the projection as the layer it is, not as the matrix that OpenCLIP multiplies with.
  const isLayer = tensors.has(`${prefix}text_projection.weight`);
  const naming: Naming = name => {
    const stored = openClipName(name);
    return stored.turned && isLayer
      ? { name: `${prefix}text_projection.weight` }
      : { ...stored, name: prefix + stored.name };
  };
  return { layout: 'LDM', prefix, width, naming };
}

/** All text encoders of a file, in the order in which the model uses them. */
export function findTextEncoders({ tensors }: Tensors): TextPlace[] {
  const widthOf = (name: string): number | undefined => tensors.get(name)?.shape[1];
  const places: TextPlace[] = [];
  for (const prefix of transformersPrefixes) {
    const width = widthOf(prefix + wordTable);
    if (width !== undefined) places.push(transformersPlace(prefix, width));
  }
  for (const prefix of openClipPrefixes) {
    if (!tensors.has(`${prefix}positional_embedding`)) continue;
    const width = widthOf(`${prefix}token_embedding.weight`);
    if (width !== undefined) places.push(openClipPlace({ tensors }, prefix, width));
  }
  return places;
}
