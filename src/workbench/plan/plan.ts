/** @file What `--plan` says of a run: its pictures, its layers, what it takes and how long. */
import type { DatasetScan } from '../../dataset/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { countParameters, type Recipe, type Recompute, surveyBuckets } from '../../training/index.ts';
import { showBytes, showSeconds } from '../units.ts';
import { describeLayers } from './layers.ts';
import type { Plan } from './memory.ts';
import type { StepTime } from './time.ts';

export { type Plan, planMemory, type Way } from './memory.ts';
export { predictTime } from './time.ts';

/** What `--plan` says of the pictures. */
function describePictures(scan: DatasetScan, recipe: Recipe) {
  const { buckets, batchesPerEpoch } = surveyBuckets(scan, recipe);
  const epochs = (recipe.steps * recipe.accumulate) / batchesPerEpoch;
  const sizes = Object.entries(buckets).map(([size, count]) => `${count} at ${size.replace('x', '×')}`);
  return {
    json: { pictures: scan.pictures.length, skipped: scan.skipped, warnings: scan.warnings, buckets, epochs },
    text: `${scan.pictures.length} (${sizes.join(', ')}), each seen in ${epochs.toFixed(1)} epochs`,
  };
}

const kept = (recompute: Recompute): string =>
  recompute === 'finest'
    ? 'those at full resolution recomputed in backward'
    : recompute
      ? 'recomputed in backward'
      : 'kept for backward';

/** How the base is held, and what that does to its numbers (measured: docs/memory.md). */
export function describeHeld({ recipe: { baseWeights }, isExact }: Pick<Plan, 'recipe' | 'isExact'>): string {
  if (baseWeights === 'file' || isExact) return 'read in place, exact';
  const effect = { float16: 'by about 0.1 %', int8: 'by about 1.5 %, single layers by up to 12 %' }[
    baseWeights
  ];
  return `held as ${baseWeights}: rounded, which changes gradients ${effect} and the loss by less than 0.01 %`;
}

function describeTime({ seconds, gflops }: StepTime, { steps }: Recipe): string {
  const step = seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toPrecision(2)} s`;
  const whole = showSeconds(seconds * steps);
  return `about ${step} a step, ${whole} for ${steps} steps (this machine computes ${gflops.toFixed(0)} GFLOP/s just now)`;
}

/** The plan for people and for programs. */
export function describePlan(
  checkpoint: Checkpoint,
  plan: Plan,
  scan: DatasetScan,
  /** Where it can be told. */
  time?: StepTime,
): { json: Readonly<Record<string, unknown>>; text: string } {
  const { recipe, layers, cost, peakBytes } = plan;
  const { width, height } = recipe.resolution;
  const trained = describeLayers(layers, recipe);
  const pictures = describePictures(scan, recipe);
  const json = {
    base: checkpoint.name,
    family: checkpoint.family,
    ...pictures.json,
    layers: layers.length,
    trainedParameters: countParameters(layers),
    ...trained.json,
    recompute: recipe.recompute,
    baseWeights: recipe.baseWeights,
    baseIsExact: plan.isExact,
    flopsPerMicroStep: cost.flops,
    weightBytes: cost.weightBytes,
    peakActivationBytes: cost.peakActivationBytes,
    predictedPeakBytes: Math.round(peakBytes),
    predictedStepSeconds: time?.seconds ?? null,
    predictedRunSeconds: time ? time.seconds * recipe.steps : null,
    recipe,
  };
  const text = [
    `base            ${checkpoint.name} (${checkpoint.family})`,
    `pictures        ${pictures.text}`,
    ...trained.lines,
    `a micro-step    ${(cost.flops / 1e9).toFixed(1)} GFLOP in ${cost.nodes} operations, batch ${recipe.batch}, ${width}×${height}`,
    `weights         ${showBytes(cost.weightBytes)}, ${describeHeld(plan)}`,
    `activations     ${showBytes(cost.peakActivationBytes)} at their peak, ${kept(recipe.recompute)}`,
    `memory          about ${showBytes(peakBytes)} in all`,
    ...(time ? [`time            ${describeTime(time, recipe)}`] : []),
  ].join('\n');
  return { json, text };
}
