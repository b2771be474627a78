/** @file When previews are drawn. */

export interface PreviewTimes {
  /** Steps between previews; 0 = none. */
  readonly previewEvery: number;
  /** Epochs between previews; where given, steps do not count, as in sd-scripts. */
  readonly previewEveryEpochs: number;
}

/** Whether previews are due after `step`, the last one included. `stepsPerEpoch` may be a fraction. */
export function isPreviewDue(
  { previewEvery, previewEveryEpochs }: PreviewTimes,
  step: number,
  { stepsPerEpoch, lastStep }: { readonly stepsPerEpoch: number; readonly lastStep: number },
): boolean {
  if (step < 1 || (previewEvery === 0 && previewEveryEpochs === 0)) return false;
  if (step === lastStep) return true;
  if (previewEveryEpochs === 0) return step % previewEvery === 0;
  // The step in which an epoch that counts comes to its end.
  const periodsBefore = Math.floor((step - 1) / (stepsPerEpoch * previewEveryEpochs) + 1e-9);
  return Math.floor(step / (stepsPerEpoch * previewEveryEpochs) + 1e-9) > periodsBefore;
}
