/** @file The fields of a recipe that say how pictures and captions are read: buckets, tags, variations, masks, weights. */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const side = z.number().int().positive().max(16384);

export const dataFields = {
  /** Folders of regularisation pictures: what the subject's class looks like without it. */
  regularisation: z.array(z.string().min(1)),
  /** Weight of the loss of regularisation pictures. */
  regularisationWeight: z.number().nonnegative(),
  /** Instead of what folder names say; null = they decide. */
  repeats: z.number().int().min(1).max(10_000).nullable(),
  /** Pictures are never enlarged; buckets follow the pictures. */
  noUpscale: z.boolean(),
  /** Shortest and longest side of a bucket; null = half and twice the resolution's longest side. */
  minBucketSide: side.nullable(),
  maxBucketSide: side.nullable(),
  /** Pictures without a caption or a given `caption` take their file name, `_` read as a space. */
  fileNameCaptions: z.boolean(),
  /** Tags change places in every step, but for the first `keepTags` and what stands before the separator. */
  shuffleTags: z.boolean(),
  keepTags: z.number().int().nonnegative(),
  keepTagsSeparator: z.string(),
  tagSeparator: z.string().min(1),
  /** Splits a tag into several that stay together; '' = none. */
  secondarySeparator: z.string(),
  /** Share of tags left out of each caption. */
  tagDropout: share,
  /** Every n-th epoch goes without captions; 0 = none. */
  captionDropoutEvery: z.number().int().nonnegative(),
  /** `{a|b}` draws one of the words, and a caption of several lines one of its lines. */
  wildcards: z.boolean(),
  captionPrefix: z.string(),
  captionSuffix: z.string(),
  /** Tags of a caption in the first step; grows to all of them at `tokenWarmupSteps`. */
  tokenWarmupMin: z.number().int().positive(),
  tokenWarmupSteps: z.number().nonnegative(),
  /** Slightly other hues or gammas. */
  colour: z.boolean(),
  /** Where a picture is larger than its bucket, another part of it each time. */
  randomCrop: z.boolean(),
  /** Crops move by up to this share of a side, and are up to that much smaller. */
  cropJitter: z.number().min(0).max(0.5),
  /** Different forms of a picture that `colour`, `randomCrop` and `cropJitter` make; each is encoded once. */
  variants: z.number().int().positive().max(1000),
  /** Where the loss counts: nowhere less, by the pictures' alpha, or by pictures of the same name in `mask/` or `name-mask.png`. */
  mask: z.enum(['none', 'alpha', 'files']),
  /** Weight of the loss outside the mask. */
  outsideMask: share,
};

export type DataFields = z.infer<z.ZodObject<typeof dataFields>>;

export const dataDefaults: DataFields = {
  regularisation: [],
  regularisationWeight: 1,
  repeats: null,
  noUpscale: false,
  minBucketSide: null,
  maxBucketSide: null,
  fileNameCaptions: false,
  shuffleTags: false,
  keepTags: 0,
  keepTagsSeparator: '',
  tagSeparator: ',',
  secondarySeparator: '',
  tagDropout: 0,
  captionDropoutEvery: 0,
  wildcards: false,
  captionPrefix: '',
  captionSuffix: '',
  tokenWarmupMin: 1,
  tokenWarmupSteps: 0,
  colour: false,
  randomCrop: false,
  cropJitter: 0,
  variants: 8,
  mask: 'none',
  outsideMask: 0,
};
