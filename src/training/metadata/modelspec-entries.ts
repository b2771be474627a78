/** @file modelspec 1.0.1: what a LoRA says of itself to sites and programs (github Stability-AI/ModelSpec). */
import { familyWords } from '../../lora/index.ts';
import type { Checkpoint, Family } from '../../models/index.ts';
import { version } from '../../version.ts';
import { now } from '../clock.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** What only its maker knows of a LoRA; nothing of it is guessed. */
export interface LoraCard {
  readonly description?: string;
  readonly author?: string;
  readonly license?: string;
  /** Comma-separated. */
  readonly tags?: string;
  readonly usageHint?: string;
  /** A `data:` URL. */
  readonly thumbnail?: string;
}

interface FamilyWords {
  readonly model: string;
  /** The last layer of the text encoder that is read, counted from the end: SD 2 and SDXL leave out the last. */
  readonly encoderLayer: number;
}

const words: Readonly<Record<Family, FamilyWords>> = {
  pocket: { model: 'the pocket model of lora-studio', encoderLayer: 1 },
  sd15: { model: 'Stable Diffusion 1.x', encoderLayer: 1 },
  sd2: { model: 'Stable Diffusion 2.x', encoderLayer: 2 },
  sdxl: { model: 'Stable Diffusion XL', encoderLayer: 2 },
};

const isVelocity = ({ scheduler }: Checkpoint): boolean => scheduler.predictionType === 'v_prediction';

/** The type in which a part's weights are held; undefined where none is told. */
function typeOf({ weights }: Checkpoint['unet' | 'vae']): string | undefined {
  const [first] = weights.names();
  if (first === undefined) return undefined;
  const place = weights.bytes(first);
  return weights.dtype?.(first) ?? ('path' in place ? place.dtype : undefined);
}

const unetType = ({ unet }: Checkpoint, { baseWeights }: Recipe): string | undefined =>
  baseWeights === 'file' ? typeOf(unet) : baseWeights;

function descriptionOf({ family, variant }: Checkpoint, { trigger }: Recipe, pictures: number): string {
  const base = `${words[family].model}${variant === 'inpaint' ? ' (inpainting)' : ''}`;
  const word = trigger === null ? '' : `; its trigger word is ${trigger}`;
  return `A LoRA for ${base}, trained on ${pictures} ${pictures === 1 ? 'picture' : 'pictures'}${word}`;
}

/** All `modelspec.…` entries but the hash, which is made with the file. */
export function modelspecEntries(
  { checkpoint, recipe, pictures }: { checkpoint: Checkpoint; recipe: Recipe; pictures: number },
  title: string,
  card: LoraCard = {},
): Record<string, string> {
  const { width, height } = recipe.resolution;
  const { encoderLayer } = words[checkpoint.family];
  const { architecture, implementation } = familyWords(checkpoint);
  const { trigger } = recipe;
  const hint = card.usageHint ?? (trigger === null ? undefined : `Write ${trigger} in the prompt`);
  const entries: Record<string, string | undefined> = {
    sai_model_spec: '1.0.1',
    architecture,
    implementation,
    title,
    resolution: `${width}x${height}`,
    description: card.description ?? descriptionOf(checkpoint, recipe, pictures),
    author: card.author,
    date: new Date(now() * 1000).toISOString().slice(0, 19),
    implementation_version: `lora-studio ${version}`,
    license: card.license,
    usage_hint: hint,
    thumbnail: card.thumbnail,
    tags: card.tags,
    trigger_phrase: trigger ?? undefined,
    prediction_type: isVelocity(checkpoint) ? 'v' : 'epsilon',
    timestep_range: `${recipe.minTimestep},${recipe.maxTimestep ?? checkpoint.scheduler.trainSteps}`,
    encoder_layer: String(encoderLayer),
    unet_dtype: unetType(checkpoint, recipe),
    vae_dtype: typeOf(checkpoint.vae),
  };
  const known = Object.entries(entries).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [`modelspec.${name}`, value as string]));
}
