/**
 * @file What a run may be for, and the numbers that go with each goal and each family.
 *
 * Sources, by what they were read from: the kohya-colab notebooks for SD 1.5 (512², 200–400 pictures with repeats an epoch, ten
 * epochs, batch 2, rate 5e-4, text encoder 1e-4, rank 16 with alpha 8, min-SNR 5, warm-up 5 %) and SDXL (batch 4, 3e-4 and 6e-5,
 * rank 8 with alpha 4); OneTrainer's presets (batch 4, 3e-4, SDXL without text encoders); diffusers' DreamBooth LoRA
 * (3 to 5 pictures, 500 steps of one, 1e-4 at scale 1) and text-to-image LoRA (49 looks at each of 1,221 pictures); LyCORIS'
 * guidelines (rank up to 64, alpha 1 to half of it, the transformers in most cases). Numbers of the embedded model are its
 * own, measured: those that `lora demo` trains its two sets with.
 */
import type { Family } from '../../models/index.ts';

export const goalNames = ['character', 'style', 'object', 'subject'] as const;
export type GoalName = (typeof goalNames)[number];

/** What each goal is, for help. */
export const goalTexts: Readonly<Record<GoalName, string>> = {
  character: 'a person, an animal, a figure that is to be recognised',
  style: 'the way pictures are made, whatever they show',
  object: 'one thing, such as a product or a building',
  subject: 'a whole field, such as circuit boards or x-rays',
};

export interface GoalNumbers {
  /** How often each different picture is looked at, where the run is neither very short nor very long. */
  readonly looks: number;
  /** Fewest and most samples of a run. */
  readonly samples: readonly [number, number];
  readonly rank: number;
  /** Whether SD 1 and 2 train their text encoder too, from this many different pictures on; null = never. */
  readonly textFrom: number | null;
  readonly captionDropout: number;
  readonly flip: boolean;
  readonly noiseOffset: number;
  readonly whyRank: string;
  readonly whyFlip: string;
}

export const goals: Readonly<Record<GoalName, GoalNumbers>> = {
  character: {
    ...{
      looks: 120,
      samples: [600, 6000],
      rank: 16,
      textFrom: 10,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'a face and clothes need some room, and more rank learns backgrounds too',
    whyFlip: 'partings, scars and badges are on one side: mirrored, they would be learnt on both',
  },
  style: {
    ...{
      looks: 60,
      samples: [1200, 12_000],
      rank: 32,
      textFrom: null,
      captionDropout: 0.1,
      noiseOffset: 0.05,
      flip: true,
    },
    whyRank: 'a style is in many layers at once and takes more room than a thing',
    whyFlip: 'a style is the same in a mirror, and each picture counts as two',
  },
  object: {
    ...{
      looks: 100,
      samples: [500, 4000],
      rank: 8,
      textFrom: null,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'one rigid thing is little to learn, and less rank keeps it from its background',
    whyFlip: 'writing and handles are on one side: mirrored, they would be learnt wrong',
  },
  subject: {
    ...{
      looks: 40,
      samples: [2000, 40_000],
      rank: 32,
      textFrom: null,
      captionDropout: 0.05,
      noiseOffset: 0,
      flip: false,
    },
    whyRank: 'a whole field has much to learn that the base has never seen',
    whyFlip: 'in professional pictures left and right mean something',
  },
};

export interface FamilyNumbers {
  readonly batch: number;
  readonly accumulate: number;
  /** At `alphaShare`, with AdamW. */
  readonly rate: number;
  readonly textRate: number | null;
  /** Times the goal's rank. */
  readonly rankShare: number;
  /** Instead of the goal's. */
  readonly rank?: number;
  /** alpha / rank */
  readonly alphaShare: number;
  readonly from: string;
}

export const families: Readonly<Record<Family, FamilyNumbers>> = {
  sd15: {
    batch: 2,
    accumulate: 1,
    rate: 3e-4,
    textRate: 6e-5,
    rankShare: 1,
    alphaShare: 0.5,
    from: 'kohya-colab for SD 1.5, OneTrainer',
  },
  sd2: {
    batch: 2,
    accumulate: 1,
    rate: 3e-4,
    textRate: 6e-5,
    rankShare: 1,
    alphaShare: 0.5,
    from: 'as SD 1.5, which has the same UNet',
  },
  sdxl: {
    batch: 1,
    accumulate: 4,
    rate: 3e-4,
    textRate: null,
    rankShare: 0.5,
    alphaShare: 0.5,
    from: 'kohya-colab for SDXL, OneTrainer',
  },
  pocket: {
    batch: 4,
    accumulate: 1,
    rate: 1e-3,
    textRate: null,
    rankShare: 1,
    rank: 16,
    alphaShare: 1,
    from: 'measured with this model: see lora demo',
  },
};

/** The embedded model is small and its data sets are too: it is looked at longer. Measured with the demo's sets of 20 pictures. */
export const pocketLooks: Readonly<Partial<Record<GoalName, number>>> = {
  character: 200,
  style: 120,
  object: 200,
  subject: 120,
};

/** Fewer different pictures than this are learnt by heart soon. */
export const few = 10;
