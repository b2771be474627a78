/** @file `--plan` and `--memory`: what a run will take, computed from its graph before anything starts. */
import type { DatasetScan } from '../dataset/index.ts';
import { costOf, type GraphCost } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import type { TrainedLayer } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import {
  buildTrainStep,
  countParameters,
  holdBase,
  isExactBase,
  isSmall,
  type Recipe,
  type Recompute,
  surveyBuckets,
} from '../training/index.ts';
import { describeLayers } from './layers-report.ts';
import { showBytes } from './terminal.ts';

/** What a plan may choose; both are fields of the recipe. */
export type Way = Pick<Recipe, 'recompute' | 'baseWeights'>;

export interface Plan {
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly cost: GraphCost;
  readonly peakBytes: number;
  /** Whether the numbers of the base are those of its file. */
  readonly isExact: boolean;
}

/**
 * What a run takes besides weights and live activations: Node and ONNX Runtime 0.35 GiB, scratch of kernels 0.17 GiB,
 * and the arena's rounding. Measured on SD 1.5 at 256² and 512², kept and recomputed: 0.41, 1.46, 1.02 and 0.53 GiB
 * beyond the weights where the graph says 0.30, 1.14, 0.74 and 0.32.
 */
const overheadBytes = 0.52 * 2 ** 30;
const arenaFactor = 1.15;
/** Rounding a base in memory leaves its largest weights behind as float32 for a while: 3.08 GiB were foreseen, 3.20 taken. */
const roundingBytes = 0.15 * 2 ** 30;

/**
 * LoHa, LoKr and DoRA make weights anew in every step, which the allocator keeps for a while: of SD 1.5, 0.07 to 0.15 GiB
 * with linear layers were taken beyond what was foreseen, 0.34 with convolutions.
 */
const madeWeightBytes = 0.12 * 2 ** 30;
const madeKernelBytes = 0.34 * 2 ** 30;

function bytesOfMadeWeights(checkpoint: Checkpoint, layers: readonly TrainedLayer[]): number {
  const made = layers.filter(({ kind, decomposed }) => kind !== 'lora' || decomposed);
  if (made.length === 0 || isSmall(checkpoint)) return 0;
  return made.some(({ shape }) => shape.length === 4 && shape[2] > 1) ? madeKernelBytes : madeWeightBytes;
}

/** From fast to small; a rounded base comes after all that is exact, and 8 bits only when they are asked for. */
const recomputeWays: readonly Recompute[] = [false, 'finest', true];

function waysFor({ recompute, baseWeights }: Recipe): Way[] {
  const from = recomputeWays.indexOf(recompute);
  const forms = baseWeights === 'file' ? (['file', 'float16'] as const) : [baseWeights];
  return forms.flatMap(form => recomputeWays.slice(from).map(way => ({ recompute: way, baseWeights: form })));
}

function costWith(
  checkpoint: Checkpoint,
  layers: readonly TrainedLayer[],
  recipe: Recipe,
): Pick<Plan, 'cost' | 'peakBytes'> {
  const scale = checkpoint.latentScale;
  const { batch, resolution, recompute } = recipe;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const size = { batch, height: resolution.height / scale, width: resolution.width / scale, tokens };
  const base = holdBase(checkpoint, recipe.baseWeights);
  const cost = costOf(buildTrainStep(base, layers, { ...size, recompute }));
  // A, B and their gradients are inputs and outputs; AdamW keeps two moments beside.
  const peakBytes =
    cost.weightBytes +
    arenaFactor * cost.peakActivationBytes +
    3 * cost.inputBytes +
    cost.outputBytes +
    (recipe.baseWeights === 'file' ? 0 : roundingBytes) +
    bytesOfMadeWeights(checkpoint, layers) +
    overheadBytes;
  return { cost, peakBytes };
}

/**
 * Chooses what is kept, what is made again and how the base is held, so that the run fits into `memory` bytes: the first
 * way that does, from fast to small. Throws MEMORY_TOO_SMALL with what the smallest would need.
 */
export function planMemory(
  checkpoint: Checkpoint,
  { recipe, layers }: { recipe: Recipe; layers: readonly TrainedLayer[] },
  memory = Number.POSITIVE_INFINITY,
): Plan {
  const planFor = (way: Way): Plan => {
    const chosen = { ...recipe, ...way };
    const { baseWeights } = chosen;
    const isExact = isExactBase(checkpoint, layers, baseWeights);
    return { recipe: chosen, layers, isExact, ...costWith(checkpoint, layers, chosen) };
  };
  const plans: Plan[] = [];
  for (const way of waysFor(recipe)) {
    const plan = planFor(way);
    if (plan.peakBytes <= memory) return plan;
    plans.push(plan);
  }
  const least = (all: readonly Plan[]): string =>
    showBytes(Math.min(...all.map(({ peakBytes }) => peakBytes)));
  const [smallest] = recipe.baseWeights === 'int8' ? [] : [planFor({ recompute: true, baseWeights: 'int8' })];
  const helps = smallest !== undefined && smallest.peakBytes <= memory;
  throw badInput(
    'MEMORY_TOO_SMALL',
    `the run needs about ${least(plans)} even in its smallest plan, --memory allows ${showBytes(memory)}`,
    helps
      ? `With --base-weights int8, which rounds the base to 8 bits, it needs about ${least([smallest])}.`
      : 'Lower --resolution, --batch or --rank.',
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

/** The plan for people and for programs. */
export function describePlan(
  checkpoint: Checkpoint,
  plan: Plan,
  scan: DatasetScan,
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
  ].join('\n');
  return { json, text };
}
