/** @file The difference of two checkpoints as a LoRA, layer by layer: no more than two weights are in memory. */
import { elementCount, energyOf, type Products, type Shape, type Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { type Checkpoint, type LayerInfo, listLayers, type WeightSource } from '../../models/index.ts';
import { chooseTargets } from '../attach/targets/choose.ts';
import { factorTensors, isKernelShape } from '../kinds/low-rank-factors.ts';
import type { LoraModule, LoraWeights } from '../kinds/module.ts';
import { familyName } from '../names/family.ts';
import type { partNames } from '../names/layers.ts';
import { splitTarget } from '../names/namings.ts';
import { extractedMetadata } from './extract-metadata.ts';
import { checkRankRule, type RankRule } from './rank-rule.ts';
import { truncateChange } from './truncate-change.ts';
import { differenceOf } from './weight-difference.ts';

export interface ExtractOptions {
  readonly rule: RankRule;
  /** Layers of the UNet; as kohya: the transformers, with `convRank` also the residual blocks. `none` for none. */
  readonly targets?: string | undefined;
  /** Layers of the text encoders; attention and MLP unless said. `none` for none. */
  readonly textTargets?: string | undefined;
  readonly products: Products;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, all: number) => void;
}

export interface ExtractedFacts {
  readonly target: string;
  readonly after: number;
  /** ‖ΔW of the LoRA‖² / ‖difference‖² */
  readonly kept: number;
  /** ‖difference‖ */
  readonly norm: number;
}

export interface ExtractedLora {
  readonly lora: LoraWeights;
  readonly modules: readonly ExtractedFacts[];
  /** Layers that are the same in both. */
  readonly unchanged: readonly string[];
}

interface Pair {
  readonly tuned: WeightSource;
  readonly base: WeightSource;
}

type PartName = keyof typeof partNames;

function partsOf(tuned: Checkpoint, base: Checkpoint): Map<PartName, Pair> {
  const parts = new Map<PartName, Pair>([
    ['unet', { tuned: tuned.unet.weights, base: base.unet.weights }],
    ['text_encoder', { tuned: tuned.textEncoder.weights, base: base.textEncoder.weights }],
  ]);
  if (tuned.textEncoder2 && base.textEncoder2)
    parts.set('text_encoder_2', { tuned: tuned.textEncoder2.weights, base: base.textEncoder2.weights });
  return parts;
}

function checkFamilies(tuned: Checkpoint, base: Checkpoint): void {
  if (tuned.family === base.family) return;
  const message = `${tuned.path} is ${familyName(tuned.family)}, ${base.path} is ${familyName(base.family)}`;
  throw badInput('EXTRACT_WRONG_FAMILY', message, 'Give the base that the tuned model was made from.');
}

function chooseLayers(
  parts: ReadonlyMap<PartName, Pair>,
  { family }: Checkpoint,
  { targets, textTargets = 'attention+mlp', rule: { convRank } }: ExtractOptions,
): LayerInfo[] {
  const layers = [...parts].flatMap(([part, { base }]) => listLayers(base, part));
  const choose = (isUnet: boolean, choice: string, option: string): LayerInfo[] => {
    if (choice === 'none') return [];
    const own = layers.filter(({ target }) => target.startsWith('unet.') === isUnet);
    return chooseTargets(own, choice, { option, family });
  };
  return [
    ...choose(true, targets ?? (convRank === undefined ? 'linear' : 'conv'), '--targets'),
    ...choose(false, textTargets, '--text-targets'),
  ];
}

/** tuned − base [out, in·k·k]; undefined where both are the same, or one is the other in another type. */
function changeOf({ target, shape }: LayerInfo, parts: ReadonlyMap<PartName, Pair>): Tensor | undefined {
  const { part, path } = splitTarget(target);
  const name = `${path}.weight`;
  const { tuned, base } = parts.get(part) as Pair;
  const size = (weights: WeightSource): number => elementCount(weights.shape(name));
  if (!tuned.has(name) || size(tuned) !== size(base)) {
    const found = tuned.has(name) ? `[${tuned.shape(name)}]` : 'missing';
    throw badInput('EXTRACT_SHAPE', `${target} is ${found} in the tuned model, [${shape}] in the base`);
  }
  const data = differenceOf(tuned, base, name);
  return data && { shape: [shape[0], data.length / shape[0]], data };
}

async function extractLayer(
  layer: LayerInfo,
  change: Tensor,
  { rule, products }: ExtractOptions,
): Promise<{ module: LoraModule; facts: ExtractedFacts }> {
  const { target } = layer;
  const shape: Shape = layer.shape;
  const energy = energyOf(change.data);
  if (!Number.isFinite(energy))
    throw badInput('CHECKPOINT_NOT_FINITE', `${target} holds NaN or infinity in one of the models`);
  const known = { products, energy };
  const { factors, rank, kept } = await truncateChange(change, rule, isKernelShape(shape), known);
  const tensors = factorTensors(factors, shape);
  return {
    module: { target, kind: 'lora', tensors, rank, alpha: rank },
    facts: { target, after: rank, kept, norm: Math.sqrt(energy) },
  };
}

/**
 * A LoRA that makes `base` nearly `tuned`. Throws EXTRACT_WRONG_FAMILY, EXTRACT_SHAPE and CHECKPOINT_NOT_FINITE, and
 * EXTRACT_NO_DIFFERENCE where the chosen layers are the same in both.
 */
export async function extractLora(
  tuned: Checkpoint,
  base: Checkpoint,
  options: ExtractOptions,
): Promise<ExtractedLora> {
  checkRankRule(options.rule);
  checkFamilies(tuned, base);
  const parts = partsOf(tuned, base);
  const layers = chooseLayers(parts, base, options);
  const modules: LoraModule[] = [];
  const facts: ExtractedFacts[] = [];
  const unchanged: string[] = [];
  for (const [done, layer] of layers.entries()) {
    options.signal?.throwIfAborted();
    options.onProgress?.(done, layers.length);
    const change = changeOf(layer, parts);
    if (!change) {
      unchanged.push(layer.target);
      continue;
    }
    const extracted = await extractLayer(layer, change, options);
    modules.push(extracted.module);
    facts.push(extracted.facts);
  }
  if (modules.length === 0) {
    const message = `${tuned.path} and ${base.path} have the same weights in all ${layers.length} layers`;
    throw badInput('EXTRACT_NO_DIFFERENCE', message, 'Give another base, or --targets of other layers.');
  }
  return { lora: { modules, metadata: extractedMetadata(tuned, base, modules) }, modules: facts, unchanged };
}
