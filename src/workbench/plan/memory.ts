/** @file `--memory`: what a run will take, computed from its graph before anything starts, and the way that fits. */
import { costOf, type Graph, type GraphCost } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { TrainedLayer } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  buildTrainStep,
  holdBase,
  isExactBase,
  isSmall,
  type Recipe,
  type Recompute,
  rememberedBytes,
} from '../../training/index.ts';
import { showBytes } from '../units.ts';

/** What a plan may choose; all are fields of the recipe. Batch times accumulation stays what it was. */
export type Way = Pick<Recipe, 'recompute' | 'baseWeights' | 'batch' | 'accumulate'>;

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
/** The embedded model needs no scratch to speak of: 0.568 GB were taken where 0.061 are foreseen beside this. */
const smallOverheadBytes = 0.48 * 2 ** 30;
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

const recomputeWays: readonly Recompute[] = [false, 'finest', true];

/** A batch as several smaller ones whose gradients are added: the same samples in a step. From large to small. */
function splits({ batch, accumulate }: Recipe): Pick<Way, 'batch' | 'accumulate'>[] {
  const sizes = Array.from({ length: batch }, (_, i) => batch - i).filter(size => batch % size === 0);
  return sizes.map(size => ({ batch: size, accumulate: (accumulate * batch) / size }));
}

/**
 * From fast to small: smaller batches read the weights more often, which costs less than computing all blocks again. A
 * rounded base comes after all that is exact, and 8 bits only when they are asked for.
 */
function waysFor(recipe: Recipe): Way[] {
  const { recompute, baseWeights } = recipe;
  const from = recomputeWays.slice(recomputeWays.indexOf(recompute));
  const quick = from.filter(way => way !== true);
  const all = splits(recipe);
  const smallest = all[all.length - 1];
  const exact: Omit<Way, 'baseWeights'>[] = [
    ...all.flatMap(split => quick.map(way => ({ ...split, recompute: way }))),
    ...(quick.length === 0 ? all.slice(0, -1).map(split => ({ ...split, recompute: true as const })) : []),
    { ...smallest, recompute: true },
  ];
  const forms = baseWeights === 'file' ? (['file', 'float16'] as const) : [baseWeights];
  return forms.flatMap(form => exact.map(way => ({ ...way, baseWeights: form })));
}

/** The graph of a step of this recipe at its usual size. */
export function stepGraphOf(checkpoint: Checkpoint, layers: readonly TrainedLayer[], recipe: Recipe): Graph {
  const scale = checkpoint.latentScale;
  const { batch, resolution, recompute, loss } = recipe;
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const size = { batch, height: resolution.height / scale, width: resolution.width / scale, tokens };
  const base = holdBase(checkpoint, recipe.baseWeights);
  return buildTrainStep(base, layers, { ...size, recompute, loss, masked: recipe.mask !== 'none' });
}

function costWith(
  checkpoint: Checkpoint,
  layers: readonly TrainedLayer[],
  recipe: Recipe,
): Pick<Plan, 'cost' | 'peakBytes'> {
  const cost = costOf(stepGraphOf(checkpoint, layers, recipe));
  // A, B and their gradients are inputs and outputs of the graph.
  const peakBytes =
    cost.weightBytes +
    arenaFactor * cost.peakActivationBytes +
    cost.inputBytes +
    cost.outputBytes +
    rememberedBytes(recipe, layers) +
    (recipe.baseWeights === 'file' ? 0 : roundingBytes) +
    bytesOfMadeWeights(checkpoint, layers) +
    (isSmall(checkpoint) ? smallOverheadBytes : overheadBytes);
  return { cost, peakBytes };
}

const smallestOf = (recipe: Recipe): Way => waysFor(recipe).at(-1) as Way;

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
  const [smallest] =
    recipe.baseWeights === 'int8' ? [] : [planFor({ ...smallestOf(recipe), baseWeights: 'int8' })];
  const helps = smallest !== undefined && smallest.peakBytes <= memory;
  throw badInput(
    'MEMORY_TOO_SMALL',
    `the run needs about ${least(plans)} even in its smallest plan, --memory allows ${showBytes(memory)}`,
    helps
      ? `With --base-weights int8, which rounds the base to 8 bits, it needs about ${least([smallest])}.`
      : 'Lower --resolution, --batch or --rank.',
  );
}
