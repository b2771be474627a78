/** @file sd-scripts' arguments of pictures and captions. A data set file (`dataset_config`) says the same for each folder. */
import {
  fields,
  flag,
  float,
  int,
  type KohyaTable,
  type KohyaValues,
  missing,
  nothing,
  omitted,
  place,
  text,
} from './argument.ts';

const cached = nothing('latents and texts are always kept, by content');

/** `512`, `512,768` → width and height. */
export function kohyaSize(all: KohyaValues): { width: number; height: number } | undefined {
  const [width, height] = (all.text('resolution') ?? '').split(',').map(part => Number(part.trim()));
  return width > 0 ? { width, height: height ?? width } : undefined;
}

const sizeFields = fields(all => {
  const resolution = kohyaSize(all);
  return resolution ? { resolution } : {};
});

/** Without buckets every picture is cropped to the one size: a bucket whose sides are as long as each other. */
function sideFields(side: 'min' | 'max') {
  return fields(all => {
    const field = side === 'min' ? 'minBucketSide' : 'maxBucketSide';
    const size = kohyaSize(all);
    if (all.text('dataset_config') !== null || all.flag('bucket_no_upscale')) return {};
    if (!all.flag('enable_bucket')) return size && size.width === size.height ? { [field]: size.width } : {};
    return { [field]: all.number(`${side}_bucket_reso`) ?? undefined };
  });
}

export const datasetArguments: KohyaTable = {
  train_data_dir: { ...text(), role: place('pictures') },
  reg_data_dir: {
    ...text(),
    role: fields(all => {
      const folder = all.text('reg_data_dir');
      return folder === null || all.text('dataset_config') !== null ? {} : { regularisation: [folder] };
    }),
  },
  dataset_config: { ...text(), role: place('data set file') },
  in_json: { ...text(), role: missing('name it in a data set file: metadata_file') },
  conditioning_data_dir: {
    ...text(),
    role: missing(
      'name it in a data set file, or lay the masks beside the pictures',
      all =>
        all.flag('masked_loss') &&
        all.isGiven('conditioning_data_dir') &&
        all.text('dataset_config') === null,
    ),
  },
  dataset_class: { ...text(), role: missing('it is Python code') },
  dataset_repeats: { ...int(1), role: nothing('it belongs to in_json') },
  train_batch_size: { ...int(1), role: fields(all => ({ batch: all.number('train_batch_size') ?? 1 })) },
  resolution: { ...text(), role: sizeFields },
  enable_bucket: {
    ...flag,
    role: missing('one size that is not square needs enable_bucket here', all => {
      const size = kohyaSize(all);
      const isOff = !all.flag('enable_bucket') && all.text('dataset_config') === null;
      return isOff && size !== undefined && size.width !== size.height;
    }),
  },
  min_bucket_reso: { ...int(256), role: sideFields('min') },
  max_bucket_reso: { ...int(1024), role: sideFields('max') },
  bucket_reso_steps: {
    ...int(64),
    role: fields(all => ({ bucketStep: all.number('bucket_reso_steps') ?? 64 })),
  },
  bucket_no_upscale: {
    ...flag,
    role: fields(all => ({ noUpscale: all.flag('bucket_no_upscale') && all.flag('enable_bucket') })),
  },
  resize_interpolation: {
    ...text(null, ['lanczos', 'nearest', 'bilinear', 'linear', 'bicubic', 'cubic', 'area']),
    role: missing('pictures are scaled in one way, Lanczos'),
  },
  flip_aug: { ...flag, role: fields(all => ({ flip: all.flag('flip_aug') })) },
  color_aug: { ...flag, role: fields(all => ({ colour: all.flag('color_aug') })) },
  random_crop: { ...flag, role: fields(all => ({ randomCrop: all.flag('random_crop') })) },
  face_crop_aug_range: {
    ...text(),
    role: missing('faces are not looked for; cropJitter varies crops without them'),
  },
  alpha_mask: {
    ...flag,
    role: fields(all => (all.flag('alpha_mask') ? { mask: 'alpha' } : {})),
  },
  masked_loss: {
    ...flag,
    role: fields(all => (all.flag('masked_loss') && !all.flag('alpha_mask') ? { mask: 'files' } : {})),
  },
  prior_loss_weight: {
    ...float(1),
    role: fields(all => ({ regularisationWeight: all.number('prior_loss_weight') ?? 1 })),
  },

  caption_extension: {
    ...text('.caption'),
    role: missing('captions are read from .txt and .caption files', all => {
      const own = all.text('caption_extention') ?? all.text('caption_extension');
      return !['.txt', '.caption', 'txt', 'caption'].includes(own ?? '.txt');
    }),
  },
  caption_extention: { ...text(), role: nothing('another spelling of caption_extension') },
  caption_separator: {
    ...text(','),
    role: fields(all => ({ tagSeparator: all.text('caption_separator') || ',' })),
  },
  secondary_separator: {
    ...text(),
    role: fields(all => ({ secondarySeparator: all.text('secondary_separator') ?? '' })),
  },
  shuffle_caption: { ...flag, role: fields(all => ({ shuffleTags: all.flag('shuffle_caption') })) },
  keep_tokens: { ...int(0), role: fields(all => ({ keepTags: all.number('keep_tokens') ?? 0 })) },
  keep_tokens_separator: {
    ...text(''),
    role: fields(all => ({ keepTagsSeparator: all.text('keep_tokens_separator') ?? '' })),
  },
  enable_wildcard: { ...flag, role: fields(all => ({ wildcards: all.flag('enable_wildcard') })) },
  caption_prefix: { ...text(), role: fields(all => ({ captionPrefix: all.text('caption_prefix') ?? '' })) },
  caption_suffix: { ...text(), role: fields(all => ({ captionSuffix: all.text('caption_suffix') ?? '' })) },
  caption_dropout_rate: {
    ...float(0),
    role: fields(all => ({ captionDropout: all.number('caption_dropout_rate') ?? 0 })),
  },
  caption_dropout_every_n_epochs: {
    ...int(0),
    role: fields(all => ({ captionDropoutEvery: all.number('caption_dropout_every_n_epochs') ?? 0 })),
  },
  caption_tag_dropout_rate: {
    ...float(0),
    role: fields(all => ({ tagDropout: all.number('caption_tag_dropout_rate') ?? 0 })),
  },
  token_warmup_min: {
    ...int(1),
    role: fields(all => ({ tokenWarmupMin: all.number('token_warmup_min') ?? 1 })),
  },
  token_warmup_step: {
    ...float(0),
    role: fields(all => ({ tokenWarmupSteps: all.number('token_warmup_step') ?? 0 })),
  },
  max_token_length: {
    ...int(),
    choices: ['150', '225'],
    role: nothing('captions are always read up to 225 tokens'),
  },
  weighted_captions: { ...flag, role: missing('(weights:1.2) in captions are read as they stand') },

  cache_info: { ...flag, role: nothing('pictures are looked at quickly enough') },
  cache_latents: { ...flag, role: cached },
  cache_latents_to_disk: { ...flag, role: cached },
  skip_cache_check: { ...flag, role: cached },
  cache_text_encoder_outputs: { ...flag, role: cached },
  cache_text_encoder_outputs_to_disk: { ...flag, role: cached },
  vae_batch_size: { ...int(1), role: cached },
  debug_dataset: { ...flag, role: omitted('lora train --plan shows what would be trained') },
  max_data_loader_n_workers: { ...int(8), role: cached },
  persistent_data_loader_workers: { ...flag, role: cached },
};
