/** @file What settings of sd-scripts say besides the recipe: base, pictures, output, card. */
import { join } from 'node:path';
import type { KohyaValues } from './argument.ts';

/** What sd-scripts' settings say besides the recipe. */
export interface KohyaPlaces {
  readonly base?: string | undefined;
  readonly vae?: string | undefined;
  /** The file that the last LoRA is written to. */
  readonly out?: string | undefined;
  /** A LoRA that the run goes on from. */
  readonly continue?: string | undefined;
  /** `file:strength` */
  readonly baseLoras: readonly string[];
  readonly card: Readonly<Record<string, string>>;
  readonly dataset: {
    readonly config?: string | undefined;
    readonly folder?: string | undefined;
    readonly regularisation?: string | undefined;
    /** Arguments of pictures and captions that were given; a data set file wins over them. */
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

export function placesOf(all: KohyaValues, written: ReadonlyMap<string, unknown>): KohyaPlaces {
  const place = (name: string): string | undefined => all.text(name) ?? undefined;
  const [folder, name] = [place('output_dir'), place('output_name')];
  const out =
    folder === undefined && name === undefined
      ? undefined
      : join(folder ?? '.', `${name ?? 'last'}.safetensors`);
  const strengths = all.list('base_weights_multiplier');
  const cardNames = {
    author: 'author',
    description: 'description',
    license: 'license',
    tags: 'tags',
    usage_hint: 'usageHint',
    thumbnail: 'thumbnail',
  };
  const card = Object.entries(cardNames).flatMap(([from, to]) => {
    const value = place(`metadata_${from}`);
    return value === undefined ? [] : [[to, value] as const];
  });
  const forSet = [...written].filter(([key]) => isOfSet(key) && all.isGiven(key));
  return {
    ...{
      base: place('pretrained_model_name_or_path'),
      vae: place('vae'),
      out,
      continue: place('network_weights'),
    },
    baseLoras: all.list('base_weights').map((path, i) => `${path}:${strengths[i] ?? 1}`),
    card: Object.fromEntries(card),
    dataset: {
      ...{
        config: place('dataset_config'),
        folder: place('train_data_dir'),
        regularisation: place('reg_data_dir'),
      },
      arguments: Object.fromEntries(forSet),
    },
  };
}

/** Arguments that a data set file says too. */
const isOfSet = (name: string): boolean =>
  /^(resolution|enable_bucket|(min|max)_bucket_reso|bucket_|resize_|flip_aug|color_aug|random_crop|alpha_mask|caption_|secondary_|keep_tokens|shuffle_|enable_wildcard|token_warmup|train_batch_size|dataset_repeats|validation_s)/.test(
    name,
  );
