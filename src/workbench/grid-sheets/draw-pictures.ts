/** @file A workshop as what a grid is drawn with. */
import type { DrawPictures, Workshop } from '../../generation/index.ts';

/** Pictures are made one at a time, so that one that was missing is the same as in an uninterrupted run. */
export const drawWith =
  (workshop: Workshop): DrawPictures =>
  (settings, { signal, onStep, onPicture }) =>
    workshop.draw(settings, {
      signal,
      onStep: ({ step, steps }) => onStep?.(step, steps),
      onPicture: (index, { bytes, width, height, data }) =>
        onPicture(index, { png: bytes, width, height, data }),
    });
