/** @file A LoRA of other ranks: module by module, the nearest one of the rank that a rule gives. */

import type { Products, Shape, Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import type { Skipped } from '../file/group.ts';
import { impliedShape, type Shapes } from '../file/implied-shape.ts';
import type { LoraFile } from '../file/open.ts';
import { type DeltaRequest, weightDelta } from '../kinds/delta.ts';
import { factorsOf, factorTensors, isKernelShape, layerShape } from '../kinds/low-rank-factors.ts';
import type { LoraModule, LoraWeights, ModuleKind, ModuleTensors } from '../kinds/module.ts';
import { multiplyWith } from '../kinds/products.ts';
import { scaleOf } from '../kinds/table.ts';
import { checkRankRule, type RankRule } from './rank-rule.ts';
import { resizedMetadata } from './resize-metadata.ts';
import { type Truncated, truncateChange, truncateProduct } from './truncate-change.ts';

export interface ResizedModule {
  readonly module: LoraModule;
  readonly before: number;
  readonly after: number;
  /** ‖new ΔW‖² / ‖old ΔW‖² */
  readonly kept: number;
}

/** Kinds without a rank whose ΔW is added as it is. */
const unranked: ReadonlySet<ModuleKind> = new Set(['full', 'norm']);
/** Kinds whose ΔW is a matrix of a rank higher than their own. */
const dense: ReadonlySet<ModuleKind> = new Set(['loha', 'lokr']);

/** Why a module has no rank of its own. */
export function needsBaseModel({ target, kind, tensors }: LoraModule, code: string): Error {
  const what = tensors.magnitude ? 'a DoRA' : `of the kind ${kind}`;
  const why = 'how it changes its layer depends on the base model';
  const hint = 'Merge it into its base with lora merge, then lora extract a LoRA of the rank you want.';
  return badInput(code, `${target} is ${what}: ${why}`, hint);
}

/** Whether its own tensors tell the change of a module. */
export const isSelfContained = ({ kind, tensors }: LoraModule): boolean =>
  !tensors.magnitude && (kind === 'lora' || dense.has(kind));

/** Layers of Stable Diffusion whose kernel is 3×3, where a file holds it flat. */
const isKernelLayer = /\.(?:conv_in|conv_out|conv1|conv2|(?:down|up)samplers\.\d+\.conv)$/;

/** [out, in] or [out, in, k, k] of the layer of a module, from its own tensors. */
export function layerShapeOf(module: LoraModule): Shape {
  const { target, kind, tensors } = module;
  if (kind === 'lora') return layerShape(module);
  const shapes = Object.fromEntries(
    Object.entries(tensors).map(([role, { shape }]) => [role, shape]),
  ) as Shapes;
  const shape = impliedShape(kind, shapes) as Shape;
  const [out, inside] = shape;
  return shape.length === 2 && isKernelLayer.test(target) && inside % 9 === 0
    ? [out, inside / 9, 3, 3]
    : shape;
}

/** Changes of the bias, which have no rank. */
function otherTensors({ up_bias, diff_b }: ModuleTensors): ModuleTensors {
  return { ...(up_bias ? { up_bias } : {}), ...(diff_b ? { diff_b } : {}) };
}

function resized(
  module: LoraModule,
  { factors, rank, kept }: Truncated,
  shape: Shape,
  scale: number,
): ResizedModule {
  const { target, tensors } = module;
  const both = { ...factorTensors(factors, shape), ...otherTensors(tensors) };
  const after: LoraModule = { target, kind: 'lora', tensors: both, rank, alpha: scale * rank };
  return { module: after, before: module.rank, after: rank, kept };
}

/** The layer that a module changes. */
export type LayerPlace = Pick<DeltaRequest, 'shape' | 'base'>;

/** As far as its own tensors tell. */
export const placeOf = (module: LoraModule): LayerPlace => ({
  shape: layerShapeOf(module),
  base: () => {
    throw needsBaseModel(module, 'LORA_NEEDS_BASE');
  },
});

/** What a module adds to its weight at a strength, as a matrix [out, in·k·k]. */
export async function changeOf(
  module: LoraModule,
  strength: number,
  products: Products,
  { shape, base }: LayerPlace = placeOf(module),
): Promise<Tensor> {
  const data = await weightDelta(module, { strength, shape, base, multiply: multiplyWith(products) });
  const [out, ...inside] = shape;
  return { shape: [out, inside.reduce((a, b) => a * b, 1)], data: data as Float32Array };
}

/**
 * A module with the rank that a rule gives it. alpha/rank stays as it is; LoHa and LoKr become plain LoRAs; what has no
 * rank is given back. Throws RESIZE_KIND for what only the base model can tell the change of.
 */
export async function resizeModule(
  module: LoraModule,
  rule: RankRule,
  products: Products,
): Promise<ResizedModule> {
  const { kind, rank } = module;
  if (unranked.has(kind)) return { module, before: rank, after: rank, kept: 1 };
  if (!isSelfContained(module)) throw needsBaseModel(module, 'RESIZE_KIND');
  const shape = layerShapeOf(module);
  if (kind !== 'lora') {
    const change = await changeOf(module, 1, products);
    return resized(module, await truncateChange(change, rule, isKernelShape(shape), { products }), shape, 1);
  }
  const truncated = truncateProduct(factorsOf(module), rule, isKernelShape(shape));
  return resized(module, truncated, shape, scaleOf(module));
}

export interface ResizedFacts {
  readonly target: string;
  readonly before: number;
  readonly after: number;
  readonly alpha: number;
  readonly kept: number;
}

export interface ResizedLora {
  readonly lora: LoraWeights;
  readonly modules: readonly ResizedFacts[];
  /** Tensors that are not in the result, with the reason. */
  readonly leftOut: readonly Skipped[];
}

/** What the file says of no layer of Stable Diffusion, beside what is no module at all. */
export function leftOutOf(file: LoraFile): Skipped[] {
  const unknown = file.modules.filter(({ target }) => target === undefined);
  const keys = unknown.flatMap(entry => [...entry.keys.values()]);
  return [...file.skipped, ...keys.map(key => ({ key, reason: 'of no layer of Stable Diffusion' }))];
}

/** Resizes the modules of a file, one at a time in memory beside what comes out of them. */
export async function resizeLora(
  file: LoraFile,
  rule: RankRule,
  products: Products,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<ResizedLora> {
  checkRankRule(rule);
  const modules: LoraModule[] = [];
  const facts: ResizedFacts[] = [];
  for (const entry of file.modules) {
    if (entry.target === undefined) continue;
    const { module, ...changed } = await resizeModule(file.read(entry), rule, products);
    modules.push(module);
    facts.push({ target: module.target, alpha: module.alpha, ...changed });
    onProgress(facts.length, file.modules.length);
  }
  if (modules.length === 0)
    throw badInput('RESIZE_NOTHING', `${file.path} has no module of a layer of Stable Diffusion`);
  const lora = { modules, metadata: resizedMetadata(file.metadata, rule, facts) };
  return { lora, modules: facts, leftOut: leftOutOf(file) };
}
