/** @file `--plan` and `--memory`: what a run will take, computed from its graph before anything starts. */
import type { DatasetScan } from '../dataset/index.ts';
import { costOf, type GraphCost } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import type { Checkpoint, LayerInfo } from '../models/index.ts';
import { buildTrainStep, countParameters, type Recipe, surveyBuckets } from '../training/index.ts';
import { showBytes } from './terminal.ts';

export interface Plan {
  readonly recipe: Recipe;
  readonly layers: readonly LayerInfo[];
  readonly cost: GraphCost;
  readonly peakBytes: number;
}

/** Node, ONNX Runtime and its scratch for convolutions (measured on SD 1.5 at 512², see bench/RESULTS.md). */
const overheadBytes = 0.4 * 2 ** 30;
/** Scratch of convolutions and attention, and fragments (measured: 6.3 GiB for SD 1.5 at 512², predicted 6.2). */
const heapFactor = 2.2;

function costWith(
  checkpoint: Checkpoint,
  layers: readonly LayerInfo[],
  recipe: Recipe,
  recompute: boolean,
): Pick<Plan, 'cost' | 'peakBytes'> {
  const scale = checkpoint.latentScale;
  const { batch, rank, alpha, resolution } = recipe;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const size = { batch, height: resolution.height / scale, width: resolution.width / scale, tokens };
  const cost = costOf(buildTrainStep(checkpoint, layers, { ...size, rank, scale: alpha / rank, recompute }));
  // A, B and their gradients are inputs and outputs; AdamW keeps two moments beside.
  const peakBytes =
    cost.weightBytes +
    heapFactor * cost.peakActivationBytes +
    3 * cost.inputBytes +
    cost.outputBytes +
    overheadBytes;
  return { cost, peakBytes };
}

/** Chooses between keeping and recomputing activations so that the run fits into `memory` bytes. */
export function planMemory(
  checkpoint: Checkpoint,
  { recipe, layers }: { recipe: Recipe; layers: readonly LayerInfo[] },
  memory = Number.POSITIVE_INFINITY,
): Plan {
  const ways = recipe.recompute ? [true] : [false, true];
  let smallest = Number.POSITIVE_INFINITY;
  for (const recompute of ways) {
    const { cost, peakBytes } = costWith(checkpoint, layers, recipe, recompute);
    if (peakBytes <= memory) return { recipe: { ...recipe, recompute }, layers, cost, peakBytes };
    smallest = Math.min(smallest, peakBytes);
  }
  throw usageError(
    'MEMORY_TOO_SMALL',
    `the run needs about ${showBytes(smallest)} even with recomputation, --memory allows ${showBytes(memory)}`,
    'Lower --resolution, --batch or --rank.',
  );
}

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

/** The plan for people and for programs. */
export function describePlan(
  checkpoint: Checkpoint,
  { recipe, layers, cost, peakBytes }: Plan,
  scan: DatasetScan,
): { json: Readonly<Record<string, unknown>>; text: string } {
  const { width, height } = recipe.resolution;
  const trained = countParameters(layers, recipe.rank);
  const pictures = describePictures(scan, recipe);
  const json = {
    base: checkpoint.name,
    family: checkpoint.family,
    ...pictures.json,
    layers: layers.length,
    trainedParameters: trained,
    recompute: recipe.recompute,
    flopsPerMicroStep: cost.flops,
    weightBytes: cost.weightBytes,
    peakActivationBytes: cost.peakActivationBytes,
    predictedPeakBytes: Math.round(peakBytes),
    recipe,
  };
  const kept = recipe.recompute ? 'recomputed in backward' : 'kept for backward';
  const text = [
    `base            ${checkpoint.name} (${checkpoint.family})`,
    `pictures        ${pictures.text}`,
    `layers          ${layers.length} with rank ${recipe.rank}: ${(trained / 1e6).toFixed(2)} M trained parameters`,
    `a micro-step    ${(cost.flops / 1e9).toFixed(1)} GFLOP in ${cost.nodes} operations, batch ${recipe.batch}, ${width}×${height}`,
    `weights         ${showBytes(cost.weightBytes)}, read in place`,
    `activations     ${showBytes(cost.peakActivationBytes)} at their peak, ${kept}`,
    `memory          about ${showBytes(peakBytes)} in all`,
  ].join('\n');
  return { json, text };
}
