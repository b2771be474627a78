/** @file What is done with the pictures of one source: how captions are drawn, which forms a picture has, where the loss counts. */

export interface DrawRules {
  /** Tags change places, but for those that are kept. */
  shuffleTags: boolean;
  /** So many first tags are kept where they are; without effect on captions that hold `keepTagsSeparator`. */
  keepTags: number;
  /** What stands before it is kept, and what stands after a second one; '' = none. */
  keepTagsSeparator: string;
  tagSeparator: string;
  /** Becomes `tagSeparator` after the draw, so that what it joins stays together; '' = none. */
  secondarySeparator: string;
  /** Share of tags left out; not of those that are kept. */
  tagDropout: number;
  /** Share of draws without any caption. */
  captionDropout: number;
  /** Every n-th epoch goes without captions; 0 = none. */
  captionDropoutEvery: number;
  /** `{a|b}` draws one of the words, and a caption of several lines one of its lines. */
  wildcards: boolean;
  captionPrefix: string;
  captionSuffix: string;
  /** Tags in the first step; all of them from step `tokenWarmupSteps` on (below 1: that share of all steps). */
  tokenWarmupMin: number;
  tokenWarmupSteps: number;
}

export interface PictureRules extends DrawRules {
  flip: boolean;
  colour: boolean;
  randomCrop: boolean;
  /** Crops move by up to this share of a side, and are up to that much smaller. */
  cropJitter: number;
  /** Forms that `colour`, `randomCrop` and `cropJitter` make of each picture. */
  variants: number;
  mask: 'none' | 'alpha' | 'files';
  /** Masks lie here under the names of the pictures, instead of beside them. */
  maskFolder?: string;
  /** Weight of the loss where the mask is black. */
  outsideMask: number;
  /** What the class looks like without the subject: as many as the others, with a weight of their own. */
  isRegularisation: boolean;
}

/** Captions as they are, each picture in one form, the loss everywhere the same. */
export const plainRules: PictureRules = {
  shuffleTags: false,
  keepTags: 0,
  keepTagsSeparator: '',
  tagSeparator: ',',
  secondarySeparator: '',
  tagDropout: 0,
  captionDropout: 0,
  captionDropoutEvery: 0,
  wildcards: false,
  captionPrefix: '',
  captionSuffix: '',
  tokenWarmupMin: 1,
  tokenWarmupSteps: 0,
  flip: false,
  colour: false,
  randomCrop: false,
  cropJitter: 0,
  variants: 1,
  mask: 'none',
  outsideMask: 0,
  isRegularisation: false,
};

/** Whether pictures come in several forms. */
export function hasVariants({ colour, randomCrop, cropJitter, variants }: PictureRules): boolean {
  return variants > 1 && (colour || randomCrop || cropJitter > 0);
}
