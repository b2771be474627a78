/** @file From which number on a finished LoRA is called inert, leaking or drifting, each with its reason. */

export const thresholds = {
  /**
   * Root of the changed share of the prediction's energy. Weights rounded to half precision (2⁻¹¹) change a prediction
   * by as much: another device would differ more from this one than the LoRA from its base.
   */
  inert: 1e-3,
  /**
   * Mean squared change for the class over that with the trigger, on latents that were not trained on. 1 = the trigger
   * makes no difference. On the embedded model, captions with the trigger give 0.2 to 0.47, one caption for all 0.5 to 0.7.
   */
  leak: 0.5,
  /**
   * Changed share of the base's energy for the class on such latents. At a quarter its prediction is moved by half of its
   * length. On the embedded model usual rates give 0.05, a rate twenty times too high 0.8.
   */
  drift: 0.25,
  /** The same for captions with only the trigger taken out, which are near what was trained: usual rates give 0.16 to 0.3. */
  driftWithoutClass: 0.5,
  /** Mean difference of pixels in levels of 255; less cannot be seen, and is lost when the picture is written. */
  pictureChange: 0.5,
} as const;
