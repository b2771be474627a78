/** @file `--plan` and `--memory`: what a run will take, computed from its graph before anything starts. */
import { costOf, type GraphCost } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import type { Checkpoint, LayerInfo } from '../models/index.ts';
import { buildTrainStep, type GivenRecipe, type Recipe } from '../training/index.ts';
import { showBytes } from './terminal.ts';

export interface Plan {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Recipe fields that the memory limit decides. */
  readonly changes: GivenRecipe;
}

/** Node, ONNX Runtime and its scratch for convolutions (measured on SD 1.5 at 512², see bench/RESULTS.md). */
const overheadBytes = 0.4 * 2 ** 30;
/** The arena rounds allocations up, and keeps fragments. */
const arenaFactor = 1.5;

interface Costed {
  readonly recompute: boolean;
  readonly cost: GraphCost;
  readonly peakBytes: number;
}

function costWith(
  checkpoint: Checkpoint,
  layers: readonly LayerInfo[],
  recipe: Recipe,
  recompute: boolean,
): Costed {
  const scale = checkpoint.latentScale;
  const { batch, rank, alpha, resolution } = recipe;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const size = { batch, height: resolution.height / scale, width: resolution.width / scale, tokens };
  const cost = costOf(buildTrainStep(checkpoint, layers, { ...size, rank, scale: alpha / rank, recompute }));
  // A, B and their gradients are inputs and outputs; AdamW keeps two moments beside.
  const peakBytes =
    cost.weightBytes +
    arenaFactor * cost.peakActivationBytes +
    3 * cost.inputBytes +
    cost.outputBytes +
    overheadBytes;
  return { recompute, cost, peakBytes };
}

/** Chooses between keeping and recomputing activations to fit `memory`, and describes the choice. */
export function showPlan(
  checkpoint: Checkpoint,
  { recipe, layers }: { recipe: Recipe; layers: readonly LayerInfo[] },
  memory: number | undefined,
): Plan {
  let chosen = costWith(checkpoint, layers, recipe, recipe.recompute);
  if (memory !== undefined && chosen.peakBytes > memory && !recipe.recompute) {
    chosen = costWith(checkpoint, layers, recipe, true);
  }
  if (memory !== undefined && chosen.peakBytes > memory) {
    throw usageError(
      'MEMORY_TOO_SMALL',
      `the run needs about ${showBytes(chosen.peakBytes)} even with recomputation, --memory allows ${showBytes(memory)}`,
      'Lower --resolution, --batch or --rank.',
    );
  }
  const { cost, peakBytes, recompute } = chosen;
  const trained = layers.reduce(
    (sum, { shape }) => sum + recipe.rank * (shape[0] + shape.slice(1).reduce((a, b) => a * b, 1)),
    0,
  );
  const json = {
    base: checkpoint.name,
    family: checkpoint.family,
    layers: layers.length,
    trainedParameters: trained,
    recompute,
    flopsPerMicroStep: cost.flops,
    weightBytes: cost.weightBytes,
    peakActivationBytes: cost.peakActivationBytes,
    predictedPeakBytes: Math.round(peakBytes),
    recipe: { ...recipe, recompute },
  };
  const text = [
    `base            ${checkpoint.name} (${checkpoint.family})`,
    `layers          ${layers.length} with rank ${recipe.rank}: ${(trained / 1e6).toFixed(2)} M trained parameters`,
    `a micro-step    ${(cost.flops / 1e9).toFixed(1)} GFLOP in ${cost.nodes} operations, batch ${recipe.batch}, ${recipe.resolution.width}×${recipe.resolution.height}`,
    `weights         ${showBytes(cost.weightBytes)}, read in place`,
    `activations     ${showBytes(cost.peakActivationBytes)} at their peak, ${recompute ? 'recomputed in backward' : 'kept for backward'}`,
    `memory          about ${showBytes(peakBytes)} in all`,
  ].join('\n');
  return { json, text, changes: recompute === recipe.recompute ? {} : { recompute } };
}
