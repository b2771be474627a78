/** @file Which architecture a file's UNet has: the one whose tensors it has, all of them and no others. */
import { type Shape, sameShape } from '../../../engine/index.ts';
import { badInput, type LoraError } from '../../../errors.ts';
import type { SafetensorsFile } from '../../../files/index.ts';
import type { Shapes } from '../../shapes.ts';
import type { UnetConfig } from '../../unet/unet.ts';
import { listSome } from '../shape-check.ts';
import { type Architecture, architectures, inputVariants, shapesOf, type Variant } from './architectures.ts';
import type { UnetPlace } from './find-parts.ts';
import { type StoredPart, storedWeights } from './stored-weights.ts';

export interface MatchedUnet {
  readonly architecture: Architecture;
  readonly variant: Variant;
  readonly config: UnetConfig;
  readonly weights: StoredPart;
  readonly place: UnetPlace;
}

interface Comparison {
  readonly architecture: Architecture;
  readonly config: UnetConfig;
  readonly shapes: Shapes;
  readonly weights: StoredPart;
  readonly missing: string[];
  readonly others: string[];
  /** Names in the file of what has another shape. */
  readonly different: { readonly name: string; readonly actual: Shape; readonly wanted: Shape }[];
}

/** First words of a UNet's names where nothing stands before them. */
const bare: Readonly<Record<UnetPlace['layout'], RegExp>> = {
  LDM: /^(?:input_blocks|middle_block|output_blocks|time_embed|label_emb|out)\./,
  Diffusers: /^(?:conv_in|conv_out|conv_norm_out|down_blocks|mid_block|up_blocks|\w+_embedding)\./,
};

/** Counters that latent-diffusion keeps beside its averaged weights. */
const averagingState = /^model_ema\.(?:decay|num_updates)$/;

function ownNames({ tensors }: SafetensorsFile, { prefix, layout }: UnetPlace): string[] {
  const isOwn = (name: string): boolean =>
    prefix ? name.startsWith(prefix) && !averagingState.test(name) : bare[layout].test(name);
  return [...tensors.keys()].filter(isOwn);
}

/** The first layer's input is what latents, masks and pictures are stacked to: it tells the variant, not the architecture. */
function withInput(shapes: Shapes, config: UnetConfig): Shapes {
  const [out, , ...kernel] = shapes.get('conv_in.weight') as Shape;
  return new Map(shapes).set('conv_in.weight', [out, config.inChannels, ...kernel]);
}

function compare(
  file: SafetensorsFile,
  place: UnetPlace,
  own: readonly string[],
  architecture: Architecture,
): Comparison {
  const nameOf = place.naming(architecture.unet);
  const input = file.tensors.get(nameOf('conv_in.weight').name)?.shape;
  const config = { ...architecture.unet, inChannels: input?.length === 4 ? input[1] : 4 };
  const shapes = withInput(shapesOf(architecture), config);
  const weights = storedWeights(file, shapes, nameOf);
  const missing: string[] = [];
  const different: Comparison['different'] = [];
  for (const [name, wanted] of shapes) {
    if (!weights.has(name)) missing.push(nameOf(name).name);
    else if (!sameShape(weights.shape(name), wanted))
      different.push({ name: nameOf(name).name, actual: weights.shape(name), wanted });
  }
  const others = own.filter(name => !weights.used.has(name));
  return { architecture, config, shapes, weights, missing, others, different };
}

const distance = ({ missing, others, different }: Comparison): number =>
  missing.length + others.length + different.length;

function firstDifference({ architecture, missing, others, different }: Comparison): string {
  const { name } = architecture;
  if (different.length > 0) {
    const [{ name: tensor, actual, wanted }] = different;
    return `${tensor} is [${actual}], in ${name} it is [${wanted}]`;
  }
  return others.length > 0 ? `${name} has no tensor ${others[0]}` : `${name} has ${missing[0]}`;
}

function mismatch(path: string, nearest: Comparison): LoraError {
  const { architecture, missing, others, different, shapes } = nearest;
  if (different.length + others.length === 0) {
    const message = `${path} lacks ${missing.length} of the ${shapes.size} tensors of the UNet of ${architecture.name}: ${listSome(missing)}`;
    return badInput('CHECKPOINT_MISSING_TENSOR', message, 'The file is incomplete; fetch it again.');
  }
  if (different.length + missing.length === 0) {
    const message = `${path} has ${others.length} tensors in its UNet that ${architecture.name} does not have: ${listSome(others)}`;
    const hint = 'They would change the model if they were read; such models are not supported.';
    return badInput('CHECKPOINT_OTHER_TENSORS', message, hint);
  }
  const counts = `${different.length} tensors of another shape, ${missing.length} missing, ${others.length} others`;
  const message = `${path} fits no known model; the nearest is ${architecture.name}: ${firstDifference(nearest)} (${counts})`;
  const known = [...new Set(architectures.map(({ name }) => name))].join(', ');
  return badInput('CHECKPOINT_NO_FAMILY', message, `Known are ${known}.`);
}

/**
 * The architecture of a UNet. Throws CHECKPOINT_MISSING_TENSOR, CHECKPOINT_OTHER_TENSORS or CHECKPOINT_NO_FAMILY, with
 * the nearest architecture, when not every tensor is one of its.
 */
export function matchUnet(file: SafetensorsFile, place: UnetPlace): MatchedUnet {
  const own = ownNames(file, place);
  const compared = architectures.map(architecture => compare(file, place, own, architecture));
  const nearest = compared.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  if (distance(nearest) > 0) throw mismatch(file.path, nearest);
  const { architecture, config, weights } = nearest;
  const isPlain = config.inChannels === architecture.unet.inChannels;
  const variant = isPlain ? architecture.variant : inputVariants.get(config.inChannels);
  if (variant) return { architecture, variant, config, weights, place };
  const message = `${file.path}: the UNet takes ${config.inChannels} channels, known are 4, ${[...inputVariants.keys()].join(', ')}`;
  throw badInput('CHECKPOINT_NO_FAMILY', message);
}
