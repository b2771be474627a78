/** @file Modules of any kind as plain LoRA: ΔW, then the nearest up·down of the rank that a rule gives. */
import { elementCount, energyOf, type Products, type Shape } from '../../engine/index.ts';
import { badInput, usageError } from '../../errors.ts';
import { architectureOf, type Checkpoint, type Family, unetShapes } from '../../models/index.ts';
import { loraBase } from '../file/base.ts';
import type { WrittenDialect } from '../file/dialect-tensors.ts';
import type { LoraEntry } from '../file/entry.ts';
import type { LoraFile } from '../file/open.ts';
import { checkFamily } from '../file/read.ts';
import { baseWeights } from '../inspect/base.ts';
import { biasDelta, isPlain } from '../kinds/delta.ts';
import { misfit } from '../kinds/fit.ts';
import { factorsOf, factorTensors, isKernelShape } from '../kinds/low-rank-factors.ts';
import { isLowRank, type LoraModule } from '../kinds/module.ts';
import { needsBase, scaleOf } from '../kinds/table.ts';
import { splitTarget } from '../names/namings.ts';
import { type BakePlan, planBaking } from './bake-plan.ts';
import { bakedMetadata } from './convert-metadata.ts';
import { checkRankRule, type RankRule } from './rank-rule.ts';
import { changeOf, type LayerPlace, layerShapeOf, placeOf, type ResizedModule } from './resize.ts';
import { truncateChange } from './truncate-change.ts';

export interface BakeOptions {
  readonly rule: RankRule;
  /** For kinds whose ΔW depends on it. */
  readonly base?: Checkpoint | undefined;
  readonly products: Products;
  readonly onProgress?: (done: number, all: number) => void;
}

export interface BakedFacts {
  readonly target: string;
  /** 0 for kinds without a rank. */
  readonly before: number;
  readonly after: number;
  /** ‖ΔW of the plain LoRA‖² / ‖ΔW‖² */
  readonly kept: number;
}

export interface BakedFile {
  /** Reads as the file does, but for what was baked. */
  readonly file: LoraFile;
  readonly modules: readonly BakedFacts[];
  readonly notes: readonly string[];
}

/** A module as a pair of matrices, with the change of its bias beside them; exact for LoRA of a Tucker form. */
export async function bakeModule(
  module: LoraModule,
  place: LayerPlace,
  rule: RankRule,
  products: Products,
): Promise<ResizedModule> {
  const { target, rank: before } = module;
  const pairOf = async () => {
    if (isLowRank(module)) {
      const factors = factorsOf(module);
      return { factors, rank: factors.down.rows, kept: 1, scale: scaleOf(module) };
    }
    const change = await changeOf(module, 1, products, place);
    const energy = energyOf(change.data);
    if (!Number.isFinite(energy))
      throw badInput('LORA_NOT_FINITE', `${target}: its ΔW holds NaN or infinity`);
    const options = { products, energy };
    return { ...(await truncateChange(change, rule, isKernelShape(place.shape), options)), scale: 1 };
  };
  const { factors, rank, kept, scale } = await pairOf();
  const bias = biasDelta(module, 1 / scale);
  const tensors = {
    ...factorTensors(factors, place.shape),
    ...(bias ? { up_bias: { shape: [bias.length], data: bias } } : {}),
  };
  const plain: LoraModule = { target, kind: 'lora', tensors, rank, alpha: scale * rank };
  return { module: plain, before, after: rank, kept };
}

/** Targets, the first three by name. */
function listed(modules: readonly LoraModule[]): string {
  const names = modules.slice(0, 3).map(({ target }) => target);
  return names.join(', ') + (modules.length > 3 ? ` and ${modules.length - 3} more` : '');
}

function checkPlan({ path }: LoraFile, { baked, stuck }: BakePlan, base: Checkpoint | undefined): void {
  if (stuck.length > 0) {
    const list = stuck.map(({ why, modules }) => `${listed(modules)} ${why}`).join('; ');
    const message = `${path}: no low-rank matrix holds all of it, and the dialect has no word for the rest: ${list}`;
    const hint = 'Convert to kohya, which has words for all kinds, or merge it with lora merge.';
    throw badInput('CONVERT_NO_WORD', message, hint);
  }
  const asking = [...baked].filter(needsBase);
  if (base || asking.length === 0) return;
  const message = `${path}: how ${listed(asking)} change${asking.length === 1 ? 's' : ''} the model depends on the base model`;
  throw usageError('CONVERT_NEEDS_BASE', message, 'Give the base model with --base.');
}

/** The layers of a family's UNet, where 1×1 convolutions are told from linear layers. */
function familyShapes(family: Family): (module: LoraModule) => Shape | undefined {
  const config = architectureOf(family)?.unet;
  const shapes = config && unetShapes(config);
  return ({ target }) => {
    const { part, path } = splitTarget(target);
    return part === 'unet' ? shapes?.get(`${path}.weight`) : undefined;
  };
}

/** Where a module is in the base; without one, in a model of its family as far as its tensors tell. */
function placesIn(
  file: LoraFile,
  family: Family,
  base: Checkpoint | undefined,
): (module: LoraModule) => LayerPlace {
  const shapeIn = familyShapes(family);
  if (!base)
    return module => {
      const own = layerShapeOf(module);
      const shape = shapeIn(module);
      const isSame = shape?.[0] === own[0] && elementCount(shape) === elementCount(own);
      return { ...placeOf(module), shape: isSame ? (shape as Shape) : own };
    };
  checkFamily(file, loraBase(base));
  const weights = baseWeights(base);
  return module => {
    const weight = weights(module.target);
    const why = weight ? misfit(module, weight.shape) : 'the base model has no such layer';
    if (!weight || why) throw badInput('CONVERT_SHAPE', `${file.path}: ${module.target}: ${why}`);
    return { shape: weight.shape, base: weight.read };
  };
}

/** What is left beside plain LoRA. */
function notesOn(modules: readonly LoraModule[], to: WrittenDialect): string[] {
  const others = modules.filter(module => !isPlain(module));
  if (to !== 'kohya' || others.length === 0) return [];
  return [`${listed(others)}: changes of norms and biases are no matrix and stay; some programs skip them`];
}

/**
 * Makes plain LoRA of what a dialect has no word for, to kohya of everything. `outlines` are the modules without
 * numbers. One module at a time is read; what comes out of them is kept.
 */
export async function bakeFile(
  file: LoraFile,
  outlines: ReadonlyMap<LoraEntry, LoraModule>,
  to: WrittenDialect,
  family: Family,
  { rule, base, products, onProgress }: BakeOptions,
): Promise<BakedFile> {
  checkRankRule(rule);
  const plan = planBaking([...outlines.values()], to);
  checkPlan(file, plan, base);
  const placeIn = placesIn(file, family, base);
  const made = new Map<LoraEntry, LoraModule>();
  const facts: BakedFacts[] = [];
  for (const [entry, outline] of outlines) {
    if (!plan.baked.has(outline)) continue;
    onProgress?.(made.size, plan.baked.size);
    const module = file.read(entry);
    const { module: plain, ...changed } = await bakeModule(module, placeIn(module), rule, products);
    made.set(entry, plain);
    facts.push({ target: module.target, ...changed });
  }
  const read = (entry: LoraEntry): LoraModule => made.get(entry) ?? file.read(entry);
  const after = [...outlines].map(([entry, outline]) => made.get(entry) ?? outline);
  const metadata = made.size > 0 ? bakedMetadata(file.metadata, rule, after) : file.metadata;
  return { file: { ...file, read, metadata }, modules: facts, notes: notesOn(after, to) };
}
