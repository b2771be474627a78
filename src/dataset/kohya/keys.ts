/** @file The keys of sd-scripts' data set files (library/config_util.py), as a table: where each may stand and what it means here. */
import type { PictureRules } from '../picture-rules.ts';

/** `pair`: two numbers; `size`: a whole number or two of them. */
export type ValueKind = 'yes/no' | 'whole' | 'number' | 'text' | 'pair' | 'size' | 'table';

/** A subset is a folder, a metadata file, or a folder with one of conditioning pictures (masks). */
export type SubsetKind = 'folder' | 'metadata' | 'conditioning';

/** What a data set file says of the run rather than of its pictures; fields of a recipe. */
export interface DatasetSettings {
  batch?: number;
  resolution?: { width: number; height: number };
  bucketStep?: number;
  minBucketSide?: number;
  maxBucketSide?: number;
  noUpscale?: boolean;
  validationShare?: number;
}

export interface KeyRow {
  readonly kind: ValueKind;
  /** `above`: [general] and [[datasets]]; `any`: these and subsets; `subset`: only there. */
  readonly place: 'above' | 'any' | 'subset';
  /** Kinds of subsets that take it; all unless said. */
  readonly subsets?: readonly SubsetKind[];
  /** It is this rule. */
  readonly rule?: keyof PictureRules;
  /** It is this field of the recipe. */
  readonly setting?: keyof DatasetSettings;
  /** It has no effect here, unless it is `harmless`: why. */
  readonly without?: string;
  readonly harmless?: unknown;
}

const folders = ['folder'] as const;

/** All keys. Those with neither a rule, a setting nor a reason are read where subsets are made (`read.ts`). */
export const kohyaKeys: Readonly<Record<string, KeyRow>> = {
  batch_size: { kind: 'whole', place: 'above', setting: 'batch' },
  bucket_no_upscale: { kind: 'yes/no', place: 'above', setting: 'noUpscale' },
  bucket_reso_steps: { kind: 'whole', place: 'above', setting: 'bucketStep' },
  enable_bucket: { kind: 'yes/no', place: 'above' },
  max_bucket_reso: { kind: 'whole', place: 'above', setting: 'maxBucketSide' },
  min_bucket_reso: { kind: 'whole', place: 'above', setting: 'minBucketSide' },
  resolution: { kind: 'size', place: 'above', setting: 'resolution' },
  validation_split: { kind: 'number', place: 'above', setting: 'validationShare' },
  validation_seed: {
    ...{ kind: 'whole', place: 'above' },
    without: 'what is held out follows from the seed of the run',
  },
  network_multiplier: {
    ...{ kind: 'number', place: 'above', harmless: 1 },
    without: 'a LoRA is trained at strength 1',
  },

  color_aug: { kind: 'yes/no', place: 'any', rule: 'colour' },
  face_crop_aug_range: {
    ...{ kind: 'pair', place: 'any' },
    without: 'it needs the places of faces in file names; crop jitter (cropJitter) moves crops without them',
  },
  flip_aug: { kind: 'yes/no', place: 'any', rule: 'flip' },
  num_repeats: { kind: 'whole', place: 'any' },
  random_crop: { kind: 'yes/no', place: 'any', rule: 'randomCrop' },
  shuffle_caption: { kind: 'yes/no', place: 'any', rule: 'shuffleTags' },
  keep_tokens: { kind: 'whole', place: 'any', rule: 'keepTags' },
  keep_tokens_separator: { kind: 'text', place: 'any', rule: 'keepTagsSeparator' },
  secondary_separator: { kind: 'text', place: 'any', rule: 'secondarySeparator' },
  caption_separator: { kind: 'text', place: 'any', rule: 'tagSeparator' },
  enable_wildcard: { kind: 'yes/no', place: 'any', rule: 'wildcards' },
  token_warmup_min: { kind: 'whole', place: 'any', rule: 'tokenWarmupMin' },
  token_warmup_step: { kind: 'number', place: 'any', rule: 'tokenWarmupSteps' },
  caption_prefix: { kind: 'text', place: 'any', rule: 'captionPrefix' },
  caption_suffix: { kind: 'text', place: 'any', rule: 'captionSuffix' },
  caption_dropout_rate: { kind: 'number', place: 'any', rule: 'captionDropout' },
  caption_dropout_every_n_epochs: { kind: 'whole', place: 'any', rule: 'captionDropoutEvery' },
  caption_tag_dropout_rate: { kind: 'number', place: 'any', rule: 'tagDropout' },
  custom_attributes: {
    ...{ kind: 'table', place: 'any' },
    without: 'no training of Stable Diffusion reads them',
  },
  resize_interpolation: {
    ...{ kind: 'text', place: 'any', harmless: 'lanczos' },
    without: 'pictures are scaled with a Lanczos window',
  },

  caption_extension: { kind: 'text', place: 'any', subsets: ['folder', 'conditioning'] },
  class_tokens: { kind: 'text', place: 'any', subsets: folders },
  cache_info: {
    ...{ kind: 'yes/no', place: 'any', subsets: ['folder', 'conditioning'], harmless: false },
    without: 'sizes and captions are always those of the files as they are',
  },
  image_dir: { kind: 'text', place: 'subset' },
  is_reg: { kind: 'yes/no', place: 'subset', subsets: folders, rule: 'isRegularisation' },
  alpha_mask: { kind: 'yes/no', place: 'subset', subsets: ['folder', 'metadata'] },
  metadata_file: { kind: 'text', place: 'subset', subsets: ['metadata'] },
  conditioning_data_dir: { kind: 'text', place: 'subset', subsets: ['conditioning'] },
};

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
const arePair = (value: unknown, check: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length === 2 && value.every(check);

/** What a value of each kind is, and how that is said. */
export const valueKinds: Readonly<Record<ValueKind, { is(value: unknown): boolean; wanted: string }>> = {
  'yes/no': { is: value => typeof value === 'boolean', wanted: 'true or false' },
  whole: { is: isWhole, wanted: 'a whole number' },
  number: { is: isNumber, wanted: 'a number' },
  text: { is: value => typeof value === 'string', wanted: 'text in quotes' },
  pair: { is: value => arePair(value, isNumber), wanted: 'two numbers in brackets' },
  size: {
    is: value => isWhole(value) || arePair(value, isWhole),
    wanted: 'a whole number, or two in brackets',
  },
  table: { is: value => typeof value === 'object' && value !== null, wanted: 'a table' },
};
