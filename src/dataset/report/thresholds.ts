/** @file Every limit of the data set report in one table, with the reason for its value. */

/**
 * Distances are pixels of the picture as it is trained, levels are 0 … 255, shares are 0 … 1. "Tried" means on the drawn
 * sets with planted faults and on photographs without any (docs/dataset-report.md).
 */
export const thresholds = {
  /** Enlarging by half again shows as softness; below that the bucket's rounding explains it. */
  enlarged: 1.5,
  /** Three times enlarged, one pixel of the file is nine of the picture: nothing fine is left to learn. */
  enlargedFar: 3,
  /** Between buckets of 256² in steps of 64 up to 23 % is cut off anyway; beyond, a head or a hand may be gone. */
  cutAway: 0.25,
  /**
   * Width of the sharpest tenth of the edges. A Gaussian blur of σ makes √(2π)·σ of a hard edge. Tried: drawn pictures
   * have 1.0 to 1.3, photographs 1.0 to 2.5; with a blur of σ = 1.5 pixels 2.5 to 4.8, of σ = 2 3.1 to 6.
   */
  edgeWidth: 3.3,
  /** Fewer edges say nothing of sharpness (fog, a clear sky). */
  fewestEdges: 40,
  /**
   * The level that only a fiftieth of the picture is above. Tried: photographs, also of the night, have 112 and more;
   * at 0.4 of their light 51 to 102.
   */
  darkHighlights: 108,
  /** A picture with a lamp, an eye or a window in it that is brighter than this is dark on purpose. */
  darkBrightest: 140,
  /** Share burnt out to white, a studio's white ground left out. Tried: photographs 0 to 0.03, at double light 0.1 to 0.6. */
  burntOut: 0.25,
  /** Median of what is not white ground; pastel drawings have up to 230. */
  brightMedian: 242,
  /** Levels that all but the darkest and brightest two-hundredth lie within. Fog, wood and the moon have about 50 and more. */
  fewLevels: 40,
  /** IJG quality; below it, blocks can be seen. Cameras write 85 and more, web sites 70 to 85. */
  jpegQuality: 45,
  /** A picture reduced this far has lost its blocks with it: a block of 8 is then one of less than 4. */
  blocksReduced: 0.45,
  /** Share of pixels that let something through, below which an alpha channel is only a formality. */
  transparent: 0.005,
  /** Colour difference (CIELAB, shade counted little) up to which two grounds are one. */
  groundDifference: 18,
  /** Of the border that has the ground's colour, for the ground to count as plain. */
  plainGround: 0.55,
  /** Of the pictures with one ground; from here on the LoRA has seen too few others to tell it apart. */
  groundShare: 0.7,
  /** Of the captions with one word or tag. */
  wordShare: 0.75,
  /** Shares mean little below this many pictures. */
  fewestForShares: 6,
  /** Of the pictures whose caption another different picture has too. */
  equalCaptions: 0.5,
  /** A known word has an own token; those of CLIP are in order of how common they are, and the last fifth is noise. */
  rareToken: 0.8,
  /**
   * Mean correlation of where edges are. Tried: drawn sets with a subject anywhere 0.19 to 0.29, always in one place 0.59
   * to 0.73; photographs of different things 0.05 to 0.16.
   */
  samePlace: 0.55,
  /** Most pictures for which the effective number is computed; more would take minutes. */
  mostForVariety: 400,
} as const;
