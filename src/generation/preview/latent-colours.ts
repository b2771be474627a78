/** @file What a latent pixel looks like without the autoencoder: linear factors from its channels to colours. */
import type { Family } from '../../models/index.ts';

export interface LatentColours {
  /** A row a latent channel: its share of red, green and blue in −1 … 1. */
  readonly factors: readonly (readonly [red: number, green: number, blue: number])[];
  readonly bias: readonly [red: number, green: number, blue: number];
}

/** The autoencoder of SD1 and SD2; these factors and those of SDXL are the ones of ComfyUI's latent_formats.py. */
const stableDiffusion: LatentColours = {
  factors: [
    [0.3512, 0.2297, 0.3227],
    [0.325, 0.4974, 0.235],
    [-0.2829, 0.1762, 0.2721],
    [-0.212, -0.2616, -0.7177],
  ],
  bias: [0, 0, 0],
};

export const latentColours: Readonly<Record<Family, LatentColours>> = {
  sd15: stableDiffusion,
  sd2: stableDiffusion,
  sdxl: {
    factors: [
      [0.3651, 0.4232, 0.4341],
      [-0.2533, -0.0042, 0.1068],
      [0.1076, 0.1111, -0.0362],
      [-0.3165, -0.2492, -0.2188],
    ],
    bias: [0.1084, -0.0175, -0.0011],
  },
  /** Fitted by tools/latent-colours.ts to the 40 pictures of examples/. */
  pocket: {
    factors: [
      [0.4057, 0.4145, -0.1243],
      [-0.4281, -0.1814, -0.006],
      [0.3737, 0.3002, 0.3691],
      [0.5024, 0.2303, 0.3449],
      [-0.3963, -0.6107, -0.1362],
      [-0.4141, -0.3844, -0.1698],
      [-0.3092, -0.2151, 0.1084],
      [0.3177, 0.1136, 0.068],
      [0.0648, 0.1645, -0.0683],
      [-0.0813, -0.1809, 0.2349],
      [-0.3962, -0.2264, -0.0255],
      [-0.1027, -0.0819, -0.0228],
    ],
    bias: [0.3306, 0.3989, 0.4006],
  },
};
